/** A governor of a cluster made by hand: everything defaulted, so that what a test sets is what matters. */
import { Governor, type GovernorOptions } from '../../../../src/node/governance/governor.ts'
import { GovernanceJournal, type JournalOptions } from '../../../../src/node/governance/journal.ts'
import { manualClock } from '../../../../src/util/clock.ts'
import { SILENT } from '../../../../src/util/logger.ts'
import { HOME, MIA, NOW_MS } from '../../governance/fixtures.ts'

const NOWHERE = { note: () => {}, writeDurably: () => {}, writeWhenPossible: () => {} }

/** The governor of Mia. @param loop where it writes; nowhere if not said */
export function governorOf(
  overrides: Partial<GovernorOptions> = {},
  { cluster = HOME, loop = NOWHERE }: { cluster?: typeof HOME; loop?: ReturnType<JournalOptions['loop']> } = {},
): Governor {
  const clock = overrides.clock ?? manualClock(NOW_MS)
  return new Governor({
    stored: { ...cluster, statements: [], tickets: new Map(), proposals: [] },
    signer: MIA,
    journal: new GovernanceJournal({ loop: () => loop, clock }),
    clock,
    log: SILENT,
    send: () => {},
    onRoster: () => {},
    onDecision: () => {},
    tell: () => {},
    pick: ([first]) => first!,
    ...overrides,
  })
}
