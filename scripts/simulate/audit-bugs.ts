/** Bugs to plant in what keeps audit logs; see `planted-bugs.ts`. */
import type { PlantedBug } from './planted-bug.ts'

export const AUDIT_BUGS: readonly PlantedBug[] = [
  {
    name: 'audit-signed-before-written',
    file: 'src/audit/ledger.ts',
    line: 'const frontier = this.#frontier.copy()',
    instead: 'const frontier = this.#frontier',
    why: 'a head counts events that the disk refused',
    seed: 23,
  },
  {
    name: 'audit-noted-twice',
    file: 'src/audit/ledger.ts',
    line: 'this.#noted.splice(0, entries.length)',
    instead:
      'this.#noted.splice(0, entries.length); if (entries.length > 9) frontier.append(hashLeaf(entries[0]!.bytes))',
    why: 'the frontier runs ahead of the log',
  },
  {
    name: 'audit-proof-misread',
    file: 'src/audit/witness.ts',
    line: 'if (isExcused || (path && verifyConsistency(first, second, path))) continue',
    instead: 'if (isExcused || (path && verifyConsistency(second, first, path))) continue',
    why: 'whoever proves that its log grew is accused of having rewritten it',
  },
]
