/** Proposals that travel over the mesh: listed, found by their id, and offered to the other admins. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { ProposalView, ProposedView } from '../../model/proposal-view.ts'
import { messageOf } from '../../util/errors.ts'
import { openStatement } from '../../wire/statement.ts'
import { contextOf, type Context } from '../context.ts'
import { CliError } from '../errors.ts'
import { checked } from '../options.ts'
import { SHOWN_DIGITS } from './words.ts'
import { bytesOf, describeChange, proposalOf, readProposal, textOf, type Proposal } from './proposal.ts'

/** Digits of an id that are asked for at least. */
const LEAST = 6

/** A proposal on the command line. */
export const proposalWord = checked((text) =>
  text.trim() === '' ? 'expected the id of a proposal, or a file' : undefined,
)

/** Adds `althing gov proposals`. */
export function registerProposals(gov: Command): void {
  gov
    .command('proposals')
    .summary('list what waits for the signatures of admins')
    .description(
      'List the proposals that wait for the signatures of other admins, as they came over the mesh. They are kept ' +
        'for two weeks, or until something is decided; one that enough admins have refused is dead.',
    )
    .addHelpText('after', '\nExamples:\n  althing gov proposals\n  althing gov proposals --json')
    .action(async (_options: object, command: Command) => {
      const { client, json, printJson, print, note } = contextOf(command)
      const proposals = await client.get<ProposalView[]>('/v1/proposals')
      if (json) return printJson(proposals)
      if (proposals.length === 0) note('althing: nothing waits for signatures')
      for (const proposal of proposals) for (const line of proposalLines(proposal)) print(line)
    })
}

/** A proposal in words: what it would change, and who has signed it. */
export function proposalLines(view: ProposalView): string[] {
  const { id, height, atMs, kind, signers, needed, refusedBy, dead } = view
  const refused = refusedBy.length === 0 ? '' : `, refused by ${refusedBy.length}`
  const state = dead ? ' (dead)' : ''
  return [
    '',
    `proposal ${id.slice(0, SHOWN_DIGITS)}  ${new Date(atMs).toISOString()}  ${kind}, would be entry ${height}`,
    `   signed by ${signers.length} of ${needed} that must${refused}${state}: ${signers.join(', ')}`,
    ...describeChange(opened(view).change).map((line) => `   ${line}`),
  ]
}

/** A proposal as the daemon shows it, its signatures checked. @throws where it is none */
export function opened({ entry, refusals }: ProposalView): Proposal {
  return proposalOf(
    openStatement(bytesOf(entry), 'entry'),
    refusals.map((one) => openStatement(bytesOf(one), 'refusal')),
  )
}

/**
 * A proposal by its file, or by the beginning of its id.
 * @returns `path`: where it lies, if it is a file
 * @throws CliError
 */
export async function findProposal(
  { client }: Context,
  word: string,
): Promise<{ readonly proposal: Proposal; readonly path: string | undefined }> {
  const isId = new RegExp(`^[0-9a-f]{${LEAST},64}$`).test(word)
  if (!isId || existsSync(word)) return { proposal: readProposal(word), path: word }
  const found = (await client.get<ProposalView[]>('/v1/proposals')).filter(({ id }) => id.startsWith(word))
  const [view] = found
  if (view !== undefined && found.length === 1) return { proposal: opened(view), path: undefined }
  throw new CliError(
    'no-proposal',
    `${found.length === 0 ? 'no' : found.length} proposals have an id that begins ${word}`,
    {
      fix: '`althing gov proposals` lists them; what was decided, or is older than two weeks, is none any more',
    },
  )
}

/** Why a daemon does not pass a proposal on. */
const REASONS: Readonly<Record<string, string>> = {
  'not-next': 'it does not follow the newest entry: make a new one upon that, or hand on a recovery as a file',
  'no-admin': 'no admin has signed it',
  frozen: 'the log is forked: the recovery keys alone can propose',
  expired: 'it is older than two weeks, or the clocks differ',
  full: 'too many wait already',
}

/**
 * Offers a proposal to the other admins over the mesh.
 * @returns whether it is on its way; why not is said
 * @throws what is no answer of a daemon
 */
export async function offer({ client, note }: Context, { statement, refusals }: Proposal): Promise<boolean> {
  const request = { entry: textOf(statement), refusals: refusals.map(textOf) }
  try {
    const { outcome } = await client.post<ProposedView>('/v1/proposals', request)
    if (outcome === 'taken' || outcome === 'known' || outcome === 'complete') {
      note(`althing: all members have it; the other admins: althing gov sign ${statement.hash.slice(0, SHOWN_DIGITS)}`)
      return true
    }
    note(`althing: it is not passed on over the mesh: ${REASONS[outcome] ?? outcome}`)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    note(`althing: it is not passed on over the mesh: ${messageOf(error)}`)
  }
  return false
}
