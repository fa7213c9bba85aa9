/** Bugs in the cordon of a node; see `planted-bugs.ts`. */
import type { PlantedBug } from './planted-bug.ts'

export const CORDON_BUGS: readonly PlantedBug[] = [
  {
    name: 'cordon-not-asked-at-the-award',
    file: 'src/negotiation/executor/contracts.ts',
    line: 'if (state.cordon) return cordonReason(state.cordon).measured',
    instead: '',
    why: 'what was bid for before the cordon is awarded, and starts, after it',
    seed: 57,
  },
  {
    name: 'cordon-forgotten',
    file: 'src/negotiation/restore.ts',
    line: 'state.cordon = stored.cordon as Cordon | undefined',
    instead: '',
    why: 'a restarted daemon takes tasks though it was cordoned',
    seed: 12,
  },
  {
    name: 'drained-too-early',
    file: 'src/negotiation/executor/cordon.ts',
    line: 'if (held?.drain === undefined || held.drain.endedMs !== undefined || runningCount(state) > 0) return',
    instead: 'if (held?.drain === undefined || held.drain.endedMs !== undefined || runningCount(state) > 1) return',
    why: 'whoever waits for a drain switches the machine off while a task runs',
  },
]
