/** Bugs to plant where signed records are numbered, taken and compared; see `planted-bugs.ts`. */
import type { PlantedBug } from './planted-bug.ts'

export const RECORD_BUGS: readonly PlantedBug[] = [
  {
    name: 'stale-record-taken',
    file: 'src/registry/state.ts',
    line: 'return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq)',
    instead: 'return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq >= b.seq)',
    why: 'a repeated record counts as news',
  },
  {
    name: 'epoch-kept',
    file: 'src/store/epoch.ts',
    line: 'const epoch = Math.max(stored + 1, atLeast, unixSeconds)',
    instead: 'const epoch = Math.max(stored, atLeast, unixSeconds)',
    why: 'a machine without a clock signs two records with one number',
  },
  {
    name: 'refutation-unheard',
    file: 'src/mesh/membership.ts',
    line: 'const pair = { epoch: record.epoch, incarnation: author.beat.body.incarnation }',
    instead: 'const pair = { epoch: record.epoch, incarnation: 0 }',
    why: 'a member that was missed once is offline for good',
  },
  {
    name: 'sync-on-greeting-only',
    file: 'src/mesh/sync.ts',
    line: 'if (peers.length > 0) syncWith(state, rng.pick(peers), nowMs, out)',
    instead: '',
    why: 'a record that gossip lost is missing until a link is dialled anew',
  },
]
