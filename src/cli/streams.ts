/** Reads the daemon's streams: lines of JSON, and server-sent events. */
import type { LogEnd, LogLine, MeshEvent } from '../model/api.ts'
import { CliError } from './errors.ts'
import { daemonGone } from './transport.ts'

/** A line longer than this is no line of ours. A LogLine holds at most 1 MiB of data. */
const MAX_LINE_CHARACTERS = 8 * 1024 * 1024

/** The lines of a text that comes in chunks. @throws CliError when one is too long, or the stream is cut */
async function* linesOf(source: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of source) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop()!
      if (rest.length > MAX_LINE_CHARACTERS)
        throw new CliError('bad-stream', 'the daemon sent a line that does not end', { fix: 'run `althing doctor`' })
      yield* lines
    }
  } catch (error) {
    if (error instanceof CliError) throw error
    throw daemonGone(error)
  }
  if (rest !== '') yield rest
}

/** Each line as a value. @throws CliError when the stream is cut before its end */
export async function* readNdjson<Value>(source: AsyncIterable<Buffer>): AsyncGenerator<Value> {
  for await (const line of linesOf(source)) if (line !== '') yield JSON.parse(line) as Value
}

/**
 * The lines of a task's log, each handed to `write`.
 * @returns why the rest of it could not be had, or undefined when it is complete
 * @throws CliError when the daemon goes away
 */
export async function readLog(
  source: AsyncIterable<Buffer>,
  write: (line: LogLine) => void,
): Promise<string | undefined> {
  for await (const line of readNdjson<LogLine | LogEnd>(source)) {
    if ('error' in line) return line.error.detail
    write(line)
  }
  return undefined
}

/** The data of each event. https://html.spec.whatwg.org/multipage/server-sent-events.html */
export async function* readEvents(source: AsyncIterable<Buffer>): AsyncGenerator<MeshEvent> {
  // The daemon writes the data of an event as one line, and everything else is in the data as well.
  for await (const line of linesOf(source)) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6)) as MeshEvent
}
