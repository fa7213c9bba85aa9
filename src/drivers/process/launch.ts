/** From an order to a process: everything that happens before a run exists. */
import type { ChildProcess } from 'node:child_process'
import type { Enforcement, StartOrder } from '../driver.ts'
import { DriverError } from '../errors.ts'
import type { Isolation } from './isolation/isolation.ts'
import { checkCommand, DEFAULT_PATH, findProgram, taskEnvironment } from './environment.ts'
import { bootSeconds } from './proc.ts'
import { fillRoot } from './run-folder.ts'
import type { RunMeta, RunPaths } from './run-folder.ts'
import { Run } from './run.ts'
import type { RunContext } from './run.ts'
import type { Shims } from './shims.ts'
import { unpackInput } from './unpack.ts'

/** The unit of `ulimit -f` in a POSIX shell. */
const BLOCK_BYTES = 512
/** The watchdog acts this much after the deadline, so that a living daemon is always first. */
const WATCHDOG_SLACK_S = 1

/** What starting a run takes from the driver. */
export interface LaunchContext extends RunContext {
  readonly shims: Shims
  readonly tee: string
  readonly isolation: Isolation
  readonly enforcement: { readonly cpu: Enforcement; readonly memory: Enforcement }
}

/** Prepares the run's folders and starts its shim. Throws with whatever it has made still lying there. */
export async function launch(
  order: StartOrder,
  paths: RunPaths,
  context: LaunchContext,
): Promise<{ run: Run; child: ChildProcess }> {
  const { limits } = order
  const sandbox = order.isolation && context.isolation.sandboxFor(order, paths)
  const enforcement = {
    cpu: limits.cpuMilli === undefined ? 'none' : context.enforcement.cpu,
    memory: limits.memoryBytes === undefined ? 'none' : context.enforcement.memory,
  } as const
  const meta: RunMeta = {
    v: 1,
    taskId: order.taskId,
    attempt: order.attempt,
    startedAtMs: context.nowMs(),
    bootId: context.bootId,
    timeoutMs: order.timeoutMs,
    graceMs: order.graceMs,
    logCapBytes: order.logCapBytes,
    keepOutput: order.keepOutput,
    enforcement,
    ...(limits.memoryBytes !== undefined && { memoryBytes: limits.memoryBytes }),
    ...(sandbox && { isolated: true }),
  }
  fillRoot(paths, meta)
  if (order.inputTarPath !== undefined) await unpackInput(order.inputTarPath, paths.work)
  const { seen, locate } = sandbox ?? { seen: paths, locate: undefined }
  const env = taskEnvironment(order, seen)
  checkCommand(order.command[0] ?? '', env['PATH'] ?? DEFAULT_PATH, seen.work, locate)
  const held = Object.values(enforcement).some((how) => how.startsWith('cgroup'))
  const join = held ? context.cgroups.create(order.runId, limits).join : []

  const deadlineS = bootSeconds() + order.timeoutMs / 1000
  const child = await context.shims.start({
    folder: paths.root,
    args: [
      String(Math.ceil(deadlineS) + WATCHDOG_SLACK_S),
      String(Math.ceil(order.graceMs / 1000)),
      // One block more than the cap holds: what passes the cap is then seen by its size, and cut away at the end.
      String(Math.floor(order.logCapBytes / BLOCK_BYTES) + 1),
      context.tee,
      join.join('\n'),
      // Of the task's variables none reaches what makes the sandbox: LD_PRELOAD would be loaded outside of it.
      ...(sandbox ? ['0', ...sandbox.enter(env, order.command)] : wordsOf(env, order.command)),
    ],
  })
  return { run: new Run(context, { runId: order.runId, paths, meta, pid: child.pid, deadlineS }), child }
}

/** Variables that a shell keeps for itself, or for its own ends: it would refuse them, or change their values. */
const SHELLS_OWN = new RegExp(
  '^(BASH.*|DIRSTACK|EPOCH.*|E?UID|FUNCNAME|GROUPS|HISTCMD|LINENO|OPT.*|P?PID|PIPESTATUS|S?RANDOM|SECONDS|SHELLOPTS|_' +
    '|__a_.*)$',
)

/** The task's variables and its command, as the shim takes them. Those that a shell cannot set are set by `env`. */
function wordsOf(variables: Readonly<Record<string, string>>, command: readonly string[]): string[] {
  const [odd, plain] = [[] as string[], [] as string[]]
  for (const [name, value] of Object.entries(variables)) (SHELLS_OWN.test(name) ? odd : plain).push(`${name}=${value}`)
  if (odd.length > 0 && command[0]?.includes('=') === true) {
    throw new DriverError('not-executable', `${odd[0]} cannot be set for a command with "=" in its name`, {
      fix: 'rename the program, or leave the variable to a script that starts it',
    })
  }
  const setOdd = odd.length > 0 ? [findProgram('env') ?? 'env', ...odd] : []
  return [String(plain.length), ...plain, ...setOdd, ...command]
}
