/** Bugs to plant where authors are found out that sign two records under one number; see `planted-bugs.ts`. */
import type { PlantedBug } from './planted-bug.ts'

export const EQUIVOCATION_BUGS: readonly PlantedBug[] = [
  {
    name: 'equivocation-unseen',
    file: 'src/registry/merge.ts',
    line: 'if (rival === undefined) return false',
    instead: 'if (rival === undefined || author.id !== state.config.selfId) return false',
    why: 'an author shows one thing here and another there, and nobody minds',
  },
  {
    name: 'equivocation-forgotten',
    file: 'src/registry/equivocation.ts',
    line: "effects.persist.push({ collection: 'proof', key: author.id, doc: proof })",
    instead: '',
    why: 'after a crash a member that was found out is believed again',
    seed: 8,
  },
  {
    name: 'equivocation-still-listed',
    file: 'src/registry/equivocation.ts',
    line: 'dropEntry(state, author, entry.key)',
    instead: '',
    why: 'what a liar said goes on to count',
  },
]
