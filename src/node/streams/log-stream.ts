/**
 * `/althing/task/1`: the output of one run, from its executor to its submitter, live or afterwards.
 * The asker says where it left off; the executor answers with chunks and, when all was said, `end`.
 */
import type { Duplex } from 'node:stream'
import * as z from 'zod'
import type { LogStream, TaskDriver } from '../../drivers/driver.ts'
import { messageOf } from '../../util/errors.ts'
import { firstMessage, FramingError, MessageReader, writeMessage } from './framing.ts'

const Ask = z.strictObject({
  runId: z.string().max(96),
  /** Where to begin in each; absent: that stream is not wanted. */
  stdout: z.int().min(0).optional(),
  stderr: z.int().min(0).optional(),
  follow: z.boolean(),
})
/** What is asked for. */
export type LogAsk = z.infer<typeof Ask>

const Chunk = z.union([
  z.strictObject({ stream: z.enum(['stdout', 'stderr']), offset: z.int().min(0), data: z.instanceof(Uint8Array) }),
  z.strictObject({ end: z.literal(true) }),
  z.strictObject({ error: z.string().max(1024) }),
])

/** A piece of a run's output. */
export interface LogChunk {
  readonly stream: LogStream
  readonly offset: number
  readonly data: Uint8Array
}

/** Whose logs are served, and to whom. */
export interface LogSource {
  readonly driver: TaskDriver
  /** Whoever may not is told that there is no such run. */
  readonly mayRead: (runId: string) => boolean
  /** Resolves when the run exists (true) or never will (false): its input may still be on the way. */
  readonly untilRun: (runId: string, signal: AbortSignal) => Promise<boolean>
}

/**
 * Serves one inbound log stream to its end. Never throws: a bad peer costs one stream.
 * @param askWithinMs how long the asker may take to say what it wants. @default 10000
 */
export async function serveLogs(
  stream: Duplex,
  { driver, mayRead, untilRun }: LogSource,
  askWithinMs?: number,
): Promise<void> {
  const gone = new AbortController()
  stream.once('close', () => gone.abort())
  try {
    const asked = Ask.safeParse(await firstMessage(stream, askWithinMs))
    if (!asked.success) return void stream.destroy()
    if (!mayRead(asked.data.runId)) {
      await writeMessage(stream, { error: 'no such run here' })
      stream.end()
      return
    }
    const exists = !asked.data.follow || (await untilRun(asked.data.runId, gone.signal))
    for await (const chunk of exists ? readRun(driver, asked.data, gone.signal) : []) {
      await writeMessage(stream, { stream: chunk.stream, offset: chunk.offset, data: chunk.data })
    }
    await writeMessage(stream, { end: true })
    stream.end()
  } catch (error) {
    if (!stream.destroyed && !gone.signal.aborted) {
      await writeMessage(stream, { error: messageOf(error).slice(0, 1024) }).catch(() => undefined)
    }
    stream.destroy()
  }
}

/** Both logs of a run, merged in the order their bytes become readable. */
export async function* readRun(driver: TaskDriver, ask: LogAsk, signal: AbortSignal): AsyncGenerator<LogChunk> {
  const stop = new AbortController()
  const onAbort = () => stop.abort()
  signal.addEventListener('abort', onAbort)
  const sources: { stream: LogStream; offset: number; iterator: AsyncIterator<Uint8Array> }[] = []
  for (const stream of ['stdout', 'stderr'] as const) {
    const offset = ask[stream]
    if (offset === undefined) continue
    const options = { offset, follow: ask.follow, signal: stop.signal }
    sources.push({ stream, offset, iterator: driver.readLog(ask.runId, stream, options)[Symbol.asyncIterator]() })
  }
  type Source = (typeof sources)[number]
  const next = async (source: Source) => ({ source, result: await source.iterator.next() })
  const pending = new Map<Source, ReturnType<typeof next>>(sources.map((source) => [source, next(source)]))
  try {
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values())
      if (result.done === true) {
        pending.delete(source)
        continue
      }
      yield { stream: source.stream, offset: source.offset, data: result.value }
      source.offset += result.value.length
      pending.set(source, next(source))
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    stop.abort()
    // What still reads must end before the caller goes on, or it would read a removed directory.
    await Promise.allSettled(pending.values())
  }
}

/** Asks another node for a run's output. @throws Error with the other side's reason */
export async function* fetchLogs(stream: Duplex, ask: LogAsk): AsyncGenerator<LogChunk> {
  try {
    await writeMessage(stream, ask)
    const reader = new MessageReader(stream)
    for (;;) {
      const message = await reader.next()
      if (message === undefined)
        throw new FramingError('cut-off', 'the log ended early: the link to the executor broke')
      const parsed = Chunk.safeParse(message)
      if (!parsed.success) throw new FramingError('cut-off', 'the other side does not speak the task protocol')
      if ('end' in parsed.data) return
      if ('error' in parsed.data) throw new FramingError('cut-off', parsed.data.error)
      yield parsed.data
    }
  } finally {
    stream.destroy()
  }
}
