/**
 * The bargaining of a task as a reader follows it: one list in time, in rounds, each beginning with an offer.
 */
import type { StoryLine, WhyView } from '../../src/model/why-view.ts'
import { count } from './format.ts'

type Attempt = WhyView['attempts'][number]

/** What became of an attempt, as lines of the story. */
export type AttemptLine = {
  readonly kind: 'contract' | 'started' | 'refused' | 'lost' | 'ended'
  readonly atMs: number
  readonly attempt: Attempt
}

/** One offer and all that followed until the next. */
export interface Round {
  /** 1 for the first offer. */
  readonly number: number
  readonly offer: Extract<StoryLine, { kind: 'offered' }> | undefined
  readonly lines: readonly (Exclude<StoryLine, { kind: 'offered' }> | AttemptLine)[]
  /** The bid that was awarded, if one was. */
  readonly awardedBidIds: ReadonlySet<string>
  /** So many rounds before it went just the same and are not shown. */
  readonly repeats: number
}

/** In one millisecond much happens; this is the order in which it must have. */
const ORDER = {
  offered: 0,
  'not-asked': 1,
  unreachable: 2,
  declined: 3,
  bid: 4,
  awarded: 5,
  'not-awarded': 6,
  released: 6,
  contract: 7,
  started: 8,
  refused: 9,
  lost: 9,
  ended: 9,
} as const satisfies Record<StoryLine['kind'] | AttemptLine['kind'], number>

function linesOf(attempt: Attempt): AttemptLine[] {
  const { contractedAtMs, startedAtMs, endedAtMs, outcome, exit } = attempt
  const lines: AttemptLine[] = []
  if (contractedAtMs !== undefined) lines.push({ kind: 'contract', atMs: contractedAtMs, attempt })
  if (startedAtMs !== undefined) lines.push({ kind: 'started', atMs: startedAtMs, attempt })
  const endMs = endedAtMs ?? exit?.endedAtMs
  if (outcome !== undefined) {
    lines.push({ kind: outcome, atMs: endMs ?? startedAtMs ?? contractedAtMs ?? attempt.awardedAtMs, attempt })
  }
  return lines
}

/**
 * Groups the story into rounds. What names an offer belongs to its round, however late it came; what
 * became of an attempt belongs to the round whose bid was awarded for it.
 */
export function rounds(why: Pick<WhyView, 'story' | 'attempts'>): Round[] {
  const grouped = new Map<string, { offer: Round['offer']; lines: Round['lines'][number][]; bids: Set<string> }>()
  const groupOf = (offerId: string) => {
    let group = grouped.get(offerId)
    if (group === undefined) grouped.set(offerId, (group = { offer: undefined, lines: [], bids: new Set() }))
    return group
  }
  const offerOfBid = new Map<string, string>()
  for (const line of why.story) {
    const group = groupOf(line.offerId)
    if (line.kind === 'offered') group.offer = line
    else group.lines.push(line)
    if ('bidId' in line) offerOfBid.set(line.bidId, line.offerId)
    if (line.kind === 'awarded') group.bids.add(line.bidId)
  }
  for (const attempt of why.attempts) {
    const offerId = offerOfBid.get(attempt.bidId)
    const group = groupOf(offerId ?? `attempt ${attempt.attempt}`)
    group.lines.push(...linesOf(attempt))
    group.bids.add(attempt.bidId)
  }
  const all = [...grouped.values()].map(({ offer, lines, bids }, index) => ({
    number: index + 1,
    offer,
    lines: lines.toSorted((a, b) => a.atMs - b.atMs || ORDER[a.kind] - ORDER[b.kind]),
    awardedBidIds: bids,
    repeats: 0,
  }))
  return fold(all)
}

/** A task that waits is offered again and again: of rounds that went alike only the last is kept, with their number. */
function fold(all: readonly Round[]): Round[] {
  const folded: Round[] = []
  for (const round of all) {
    const before = folded.at(-1)
    const same = before !== undefined && round.awardedBidIds.size === 0 && gist(before) === gist(round)
    if (same) folded.pop()
    folded.push(same ? { ...round, repeats: before.repeats + 1 } : round)
  }
  return folded
}

/** A round without its times and ids. */
function gist({ offer, lines }: Round): string {
  const said = lines.map((line) => {
    if (line.kind === 'declined') return [line.kind, line.node, line.reasons]
    if (line.kind === 'not-asked' || line.kind === 'not-awarded' || line.kind === 'unreachable')
      return [line.kind, line.node, line.reason]
    // A bid, or what followed it, is never just the same.
    return line
  })
  return JSON.stringify([offer?.asked, said])
}

/** One sentence on how it went: who was asked, who bid, who declined. */
export function summarize(round: Round): string {
  const amount = (kind: StoryLine['kind']) => round.lines.filter((line) => line.kind === kind).length
  const parts = [
    [amount('bid'), 'bid'],
    [amount('declined'), 'declined'],
    [amount('unreachable'), 'unreachable'],
    [amount('not-asked'), 'not asked'],
  ] as const
  const said = parts
    .filter(([many]) => many > 0)
    .map(([many, word]) => (word === 'bid' ? count(many, word) : `${many} ${word}`))
  return said.length === 0 ? 'no answer yet' : said.join(' · ')
}
