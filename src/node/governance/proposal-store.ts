/** Proposals that wait for signatures, as they are stored. */
import * as z from 'zod'
import type { StoredProposal } from '../../governance/types.ts'
import type { Store, Write } from '../../store/store.ts'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { openStatement } from '../../wire/statement.ts'

const Stored = z.strictObject({ bytes: z.instanceof(Uint8Array), refusals: z.array(z.instanceof(Uint8Array)) })

/** What is written of a proposal; of null: that it is kept no longer. */
export function proposalWrite(key: string, proposal: StoredProposal | null): Write {
  const doc = proposal && {
    bytes: proposal.statement.bytes,
    refusals: proposal.refusals.map(({ bytes }) => bytes),
  }
  return { collection: 'proposal', key, doc }
}

/** Reads what is stored, and verifies it again. */
export function loadProposals(store: Store, log: Logger): StoredProposal[] {
  return [...store.load('proposal')].flatMap(([key, doc]) => {
    try {
      const { bytes, refusals } = Stored.parse(doc)
      return [
        { statement: openStatement(bytes, 'entry'), refusals: refusals.map((one) => openStatement(one, 'refusal')) },
      ]
    } catch (error) {
      log.warn({ key, error: messageOf(error) }, 'a stored proposal does not verify; other members will give it again')
      return []
    }
  })
}
