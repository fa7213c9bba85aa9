/** Three (or more) real daemons in directories of their own, which go when the demo does. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DaemonClient } from '../../src/cli/client.ts'
import type { NodeView, StatusView, TaskView } from '../../src/model/api.ts'

const ALTHING = join(import.meta.dirname, '../../bin/althing')
const DEADLINE_MS = 20_000
const LOOK_MS = 25
/** One Ctrl-C comes twice when npm is between: from the terminal, and passed on by npm. */
const SAME_INTERRUPT_MS = 500

export interface DemoNode {
  readonly dataDir: string
  readonly status: StatusView
  readonly token: string
  /** First loopback address others can join by. */
  readonly address: string
  readonly client: DaemonClient
  /** Runs an `althing` command against this node. */
  cli(args: readonly string[], cwd?: string): Promise<{ code: number; stdout: string; stderr: string }>
}

export class DemoMesh {
  readonly #root = mkdtempSync(join(tmpdir(), 'althing-demo-'))
  readonly #nodes: DemoNode[] = []
  readonly #children: ChildProcess[] = []
  readonly #interrupt = Promise.withResolvers<void>()
  #interrupted = false

  constructor() {
    let interruptedAtMs = 0
    const onSignal = () => {
      if (!this.#interrupted) {
        this.#interrupted = true
        interruptedAtMs = Date.now()
        this.#interrupt.resolve()
      } else if (Date.now() - interruptedAtMs > SAME_INTERRUPT_MS) this.#abandon()
    }
    // `npm run demo | head`: whoever read us has gone.
    process.stdout.on('error', onSignal)
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  }

  get interrupted(): boolean {
    return this.#interrupted
  }

  untilInterrupted(): Promise<void> {
    return this.#interrupt.promise
  }

  /** @throws Error with the daemon's own words when it does not come up */
  async start(name: string, args: readonly string[]): Promise<DemoNode> {
    const dataDir = join(this.#root, name)
    const words = [
      'up',
      '--data-dir',
      dataDir,
      '--name',
      name,
      '--cluster',
      'demo',
      '--port',
      '0',
      '--no-mdns',
      '--label',
      `demo.althing.dev/name=${name}`,
      ...args,
    ]
    // A group of its own: Ctrl-C reaches the demo alone, which then stops the daemons in good order.
    const child = spawn(ALTHING, words, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.push(child)
    let said = ''
    child.stdout.on('data', (data: Buffer) => (said += data.toString()))
    child.stderr.on('data', (data: Buffer) => (said += data.toString()))
    const client = new DaemonClient(join(dataDir, 'althing.sock'))
    const status = await this.#until(`${name} to be ready`, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with code ${child.exitCode}:\n${said}`)
      const now = await client.get<StatusView>('/v1/status').catch(() => undefined)
      return now?.state === 'joining' ? undefined : now
    })
    const node: DemoNode = {
      dataDir,
      status,
      client,
      token: readFileSync(join(dataDir, 'api-token'), 'utf8').trim(),
      address: status.addresses.find((address) => address.startsWith('/ip4/127.')) ?? status.addresses[0]!,
      cli: (commandArgs, cwd) => runCli(dataDir, commandArgs, cwd),
    }
    this.#nodes.push(node)
    return node
  }

  /** Waits until every node lists every other as alive. */
  async untilAllKnowAll(): Promise<void> {
    await this.#until('the nodes to know each other', async () => {
      const lists = await Promise.all(this.#nodes.map(({ client }) => client.get<NodeView[]>('/v1/nodes')))
      return (
        lists.every(
          (list) => list.filter(({ state }) => state === 'ready' || state === 'busy').length === this.#nodes.length,
        ) || undefined
      )
    })
  }

  /** Waits until the task of this name is in a state. */
  untilTask(node: DemoNode, name: string, state: TaskView['state']): Promise<TaskView> {
    return this.#until(`task ${name} to be ${state}`, async () => {
      const tasks = await node.client.get<TaskView[]>('/v1/tasks?all=true')
      return tasks.find((task) => task.name === name && task.state === state)
    })
  }

  async #until<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
    const endMs = Date.now() + DEADLINE_MS
    for (;;) {
      if (this.#interrupted) throw new Error('interrupted')
      const value = await probe()
      if (value !== undefined) return value
      if (Date.now() > endMs) throw new Error(`waited ${DEADLINE_MS / 1000} s for ${what}`)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  /** A second Ctrl-C: no tidy end, but nothing is left behind either. */
  #abandon(): never {
    for (const child of this.#children) child.kill('SIGKILL')
    rmSync(this.#root, { recursive: true, force: true })
    process.exit(130)
  }

  /** Ends the tasks, then the daemons, then removes what they wrote. */
  async stop(): Promise<void> {
    for (const { client } of this.#nodes) {
      const tasks = await client.get<TaskView[]>('/v1/tasks').catch(() => [])
      const own = tasks.filter(({ role }) => role !== 'executor')
      await Promise.all(own.map(({ taskId }) => client.post(`/v1/tasks/${taskId}/cancel`).catch(() => undefined)))
      await Promise.all(
        own.map(({ taskId }) =>
          client.get(`/v1/tasks/${taskId}?wait=ended`, AbortSignal.timeout(8_000)).catch(() => undefined),
        ),
      )
    }
    await Promise.all(this.#children.map(endChild))
    rmSync(this.#root, { recursive: true, force: true })
  }
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const patience = setTimeout(() => child.kill('SIGKILL'), 8_000)
  await exited
  clearTimeout(patience)
}

function runCli(
  dataDir: string,
  args: readonly string[],
  cwd?: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ALTHING_DATA_DIR: dataDir, NO_COLOR: '1' }
    const child = spawn(ALTHING, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()))
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr }))
  })
}
