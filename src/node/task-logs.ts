/** A task's output wherever its attempts ran: followed from attempt to attempt, resumed when a link breaks. */
import type { Duplex } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { TaskDriver } from '../drivers/driver.ts'
import type { LogLine } from '../model/api.ts'
import { attemptRefOf } from '../negotiation/state.ts'
import { fetchLogs, readRun, type LogAsk, type LogChunk } from './streams/log-stream.ts'

/** Where a task stands, for somebody who reads its output. */
export interface LogPlace {
  /** Absent while it waits for a node. */
  readonly run?: { readonly runId: string; readonly node: string }
  /** No more will come. */
  readonly over: boolean
}

/** Where logs are read from, and how the task moves. */
export interface TaskLogsOptions {
  readonly self: string
  readonly driver: TaskDriver
  readonly openTaskStream: (peer: string, signal: AbortSignal) => Promise<Duplex>
  /** Resolves when a run of this node exists (true) or never will (false). */
  readonly untilRun: (runId: string, signal: AbortSignal) => Promise<boolean>
  readonly place: () => LogPlace
  /** Resolves at the task's next change. */
  readonly changed: (signal: AbortSignal) => Promise<void>
}

/** What the reader wants. */
export interface LogQuery {
  readonly follow: boolean
  readonly stream: 'stdout' | 'stderr' | 'both'
  readonly signal: AbortSignal
}

/** Tries to reach an executor before its log is given up, when nobody waits for more. */
const TRIES = 3
const RETRY_MS = 300

/** @throws Error when the log cannot be had: its executor is gone, or keeps it no longer */
export async function* taskLogs(options: TaskLogsOptions, query: LogQuery): AsyncGenerator<LogLine> {
  let done: string | undefined
  for (;;) {
    const place = options.place()
    if (place.run && place.run.runId !== done) {
      yield* runLogs(options, place.run, query)
      done = place.run.runId
    } else if (place.over || !query.follow) return
    else await options.changed(query.signal)
    if (query.signal.aborted) return
  }
}

async function* runLogs(
  options: TaskLogsOptions,
  run: NonNullable<LogPlace['run']>,
  query: LogQuery,
): AsyncGenerator<LogLine> {
  const { attempt } = attemptRefOf(run.runId)
  const offsets = { stdout: 0, stderr: 0 }
  for (let failures = 0; ;) {
    const ask: LogAsk = {
      runId: run.runId,
      follow: query.follow,
      ...(query.stream === 'stderr' ? {} : { stdout: offsets.stdout }),
      ...(query.stream === 'stdout' ? {} : { stderr: offsets.stderr }),
    }
    try {
      for await (const { stream, offset, data } of chunksOf(options, run.node, ask, query.signal)) {
        failures = 0
        offsets[stream] = offset + data.length
        yield { attempt, stream, offset, data: Buffer.from(data).toString('base64') }
      }
      return
    } catch (error) {
      if (query.signal.aborted) return
      const { run: current, over } = options.place()
      // The attempt was given up: what it said further is lost, the next one speaks.
      if (current?.runId !== run.runId && !over) return
      failures++
      if (failures >= TRIES && (over || !query.follow)) throw error
      await pause(RETRY_MS * Math.min(failures, 10), undefined, { signal: query.signal }).catch(() => undefined)
    }
  }
}

async function* chunksOf(
  options: TaskLogsOptions,
  node: string,
  ask: LogAsk,
  signal: AbortSignal,
): AsyncGenerator<LogChunk> {
  if (node === options.self) {
    if (!ask.follow || (await options.untilRun(ask.runId, signal))) yield* readRun(options.driver, ask, signal)
    return
  }
  yield* fetchLogs(await options.openTaskStream(node, signal), ask)
}
