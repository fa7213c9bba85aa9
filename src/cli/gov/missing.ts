/** What a history rests on and does not bring: an entry taken out of its middle, or its end cut off. */
import type { GovernanceState } from '../../governance/state.ts'
import { LogEntry } from '../../model/governance.ts'
import type { VerifiedStatement } from '../../wire/statement.ts'

/** An entry that others follow, or that members confirm, and that is not there. */
export interface Missing {
  readonly height: number
  readonly hash: string
  /** Entries that came and do not count, since they rest on it. */
  readonly waiting: number
}

/** The first entry that is missing in what was read; undefined when all is there. */
export function firstMissing(state: GovernanceState, statements: readonly VerifiedStatement[]): Missing | undefined {
  const { log, attestations } = state
  const brought = new Map<string, LogEntry>()
  for (const { kind, hash, body } of statements) {
    const entry = kind === 'entry' ? LogEntry.safeParse(body).data : undefined
    if (entry?.cluster === log.cluster) brought.set(hash, entry)
  }
  const parents = [...brought.values()].map(({ height, parent }) => ({ height: height - 1, hash: parent }))
  const confirmed = [...attestations.values()].map(({ body }) => ({ height: body.height, hash: body.head }))
  const [first] = [...parents, ...confirmed]
    .filter(({ hash }) => hash !== log.cluster && !brought.has(hash))
    .toSorted((a, b) => a.height - b.height)
  if (first === undefined) return undefined
  const waiting = [...brought].filter(([hash, { height }]) => height > first.height && !log.placed.has(hash)).length
  return { ...first, waiting }
}
