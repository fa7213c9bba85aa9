/**
 * Whom a signal to an isolated run is for. Below its shim are, in the shim's session, those that hold the sandbox, and
 * in sessions of their own those inside: `bwrap` as process 1 of their namespace, to whom orphans fall, and the task.
 * If a holder ends, the kernel kills all inside at once (PR_SET_PDEATHSIG): a task that is to be asked first must be
 * asked itself.
 */
import { isAlive, scanProcesses, sendSignal, type ProcessStat } from '../proc.ts'

/** Everything below the shim, whatever its session: orphans inside stay below, since process 1 there adopts them. */
export function processesBelow(shim: number, processes: readonly ProcessStat[]): ProcessStat[] {
  const children = Map.groupBy(processes, ({ parent }) => parent)
  const below: ProcessStat[] = []
  const next = [shim]
  for (let pid = next.pop(); pid !== undefined; pid = next.pop()) {
    for (const child of children.get(pid) ?? []) {
      below.push(child)
      next.push(child.pid)
    }
  }
  return below
}

/**
 * Signals the task and what it has started, wherever that hides, and none of those that hold it.
 * @returns to how many it went; 0 also where the task has not been made yet
 */
export async function signalInside(shim: number, signal: NodeJS.Signals): Promise<number> {
  const inside = processesBelow(shim, await scanProcesses()).filter(({ session }) => session !== shim)
  const ids = new Set(inside.map(({ pid }) => pid))
  const first = inside.find(({ parent }) => !ids.has(parent))
  const task = inside.filter(({ pid }) => pid !== first?.pid)
  if (first === undefined || task.length === 0) return 0
  // Process 1 ignores what it has no handler for, and is in the group of the task: all at once, forks included.
  if (isAlive(first.pid, first.startTime)) sendSignal(-first.pid, signal)
  for (const { pid, group, startTime } of task) {
    if (group !== first.pid && isAlive(pid, startTime)) sendSignal(pid, signal)
  }
  return task.length
}
