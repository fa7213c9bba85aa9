/** The step of one host that says whether it can run work of other owners. */
import type { DoctorStep } from '../model/doctor.ts'
import type { IsolationState } from '../model/isolation.ts'
import { ok, skipped, warning } from './step.ts'

/**
 * Whether work of other owners can run here. @param guests members of other owners who may submit
 * @param asRoot the daemon is root
 */
export function judgeIsolation(state: IsolationState, guests: number, asRoot: boolean): DoctorStep {
  const measured = { works: state.works, guests, asRoot }
  if (!state.works) {
    const found = `none: ${state.why}`
    if (guests === 0) return skipped('isolation', `${found}; only work of other owners needs it`)
    const cause = 'work of other owners is declined here'
    return warning('isolation', found, { cause, fix: [state.fix] }, measured)
  }
  const found = `${state.by} ${state.version}`
  if (guests === 0 || !asRoot) return ok('isolation', found, measured)
  const cause = 'the daemon is root: a guest may make any number of processes, and one that gets out is root'
  return warning('isolation', found, { cause, fix: ['run the daemon as an ordinary user'] }, measured)
}
