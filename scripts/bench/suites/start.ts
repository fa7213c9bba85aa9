/** From the request to the process: one task after another, through the API, on three daemons. */
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import type { JobAccepted, LogLine, TaskView } from '../../../src/model/api.ts'
import { readNdjson } from '../../../src/cli/streams.ts'
import { TaskEvents } from '../events.ts'
import { percentile, spread } from '../figure.ts'
import type { Bench, Figure, Suite } from '../figure.ts'
import { startThree } from '../mesh.ts'
import type { BenchDaemon } from '../mesh.ts'

const TASK_TIMEOUT_MS = 30_000
const WARM_UP = 30
/** So that a task does not pay for the end of the one before it. */
const BETWEEN_MS = 15

interface Sample {
  /** Until the daemon said that the task runs, as the one who asked hears it. */
  readonly heardMs: number
  /** Until the moment the executor says it began the start: both clocks are this machine's, in whole milliseconds. */
  readonly toldMs: number
}

/** A program that submits often keeps its connection; the CLI, which submits once, writes over a new one each time. */
const agent = new Agent({ keepAlive: true })

async function submit(daemon: BenchDaemon, command: readonly string[]): Promise<string> {
  const sent = request({
    socketPath: daemon.client.place,
    agent,
    path: '/v1/jobs',
    method: 'POST',
    headers: { host: 'althing', 'content-type': 'application/json' },
  })
  sent.end(JSON.stringify({ spec: { command } }))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const { taskIds } = (await json(response)) as JobAccepted
  return taskIds[0]!
}

async function startOne(daemon: BenchDaemon, events: TaskEvents): Promise<Sample> {
  const wallMs = Date.now()
  const fromMs = performance.now()
  const taskId = await submit(daemon, ['true'])
  const state = await events.ended(taskId, TASK_TIMEOUT_MS)
  if (state !== 'succeeded') throw new Error(`task ${taskId} ended as ${state}`)
  const { startedAtMs } = await daemon.client.get<TaskView>(`/v1/tasks/${taskId}`)
  // News of a start that is overtaken by news of the end is not sent on its own.
  const heardAtMs = events.at(taskId, 'running') ?? events.at(taskId, 'succeeded')
  if (startedAtMs === undefined || heardAtMs === undefined)
    throw new Error(`task ${taskId} ended and was never said to run`)
  return { heardMs: heardAtMs - fromMs, toldMs: startedAtMs - wallMs }
}

/** Until the command itself looked at the clock, the start of `date` included. */
async function commandClock(daemon: BenchDaemon, events: TaskEvents): Promise<number> {
  const wallMs = performance.timeOrigin + performance.now()
  const taskId = await submit(daemon, ['date', '+%s.%N'])
  await events.ended(taskId, TASK_TIMEOUT_MS)
  let text = ''
  for await (const { data } of readNdjson<LogLine>(await daemon.client.open(`/v1/tasks/${taskId}/logs`))) {
    text += Buffer.from(data, 'base64').toString()
  }
  return Number(text) * 1000 - wallMs
}

async function run({ launcher, quick, say }: Bench): Promise<Figure[]> {
  const [daemon] = await startThree({ launcher })
  const events = await TaskEvents.open(daemon)
  say('warming up')
  for (let i = 0; i < WARM_UP; i++) await startOne(daemon, events)
  const count = quick ? 60 : 300
  say(`${count} single tasks`)
  const samples: Sample[] = []
  for (let i = 0; i < count; i++) {
    samples.push(await startOne(daemon, events))
    await pause(BETWEEN_MS)
  }
  const clocks: number[] = []
  for (let i = 0; i < (quick ? 10 : 40); i++) clocks.push(await commandClock(daemon, events))
  events.close()
  agent.destroy()
  const heard = samples.map(({ heardMs }) => heardMs)
  const told = samples.map(({ toldMs }) => toldMs)
  const how = `POST over a kept connection to the event that says it runs, ${count} tasks`
  return [
    {
      name: 'submit → started, p50',
      unit: 'ms',
      measured: percentile(heard, 0.5),
      target: { atMost: 8 },
      how,
      detail: spread(heard),
    },
    { name: 'submit → started, p99', unit: 'ms', measured: percentile(heard, 0.99), target: { atMost: 30 }, how },
    {
      name: 'submit → executor’s start time, p50',
      unit: 'ms',
      measured: percentile(told, 0.5),
      how: 'by the task’s startedAtMs, whole ms',
      detail: spread(told),
    },
    {
      name: 'submit → the command’s own clock, p50',
      unit: 'ms',
      measured: percentile(clocks, 0.5),
      how: 'what `date` prints as a task, its own start included',
      detail: spread(clocks),
    },
  ]
}

export const start: Suite = { name: 'start', what: 'submit → task process started, through the API', run }
