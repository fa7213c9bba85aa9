/** A task's bargaining as lines to read, and its proofs checked by whoever reads it. */
import type { StoryLine, WhyView } from '../../src/model/why-view.ts'
import { openRecord } from '../../src/wire/envelope.ts'
import { RECORD_MAX_BYTES } from '../../src/wire/limits.ts'

/** Bids whose envelope verifies, was signed by the node that is named, and says what the story says. */
export function verifiedBids(why: WhyView): { node: string; bidId: string }[] {
  return why.story.flatMap((line) => {
    if (line.kind !== 'bid') return []
    const bytes = new Uint8Array(Buffer.from(line.proof, 'base64'))
    const record = openRecord(bytes, { kinds: 'bid', maxBytes: RECORD_MAX_BYTES.bid, wallNowMs: Date.now() })
    const body = record.body as { bidId?: unknown; offerId?: unknown }
    const agrees = record.author === line.node && body.bidId === line.bidId && body.offerId === line.offerId
    return agrees ? [{ node: line.node, bidId: line.bidId }] : []
  })
}

/** Prints the bargaining, one line a step, with the milliseconds since the offer. */
export function printStory(why: WhyView, print: (line: string) => void): void {
  const startMs = why.story.find(({ kind }) => kind === 'offered')?.atMs ?? why.story[0]?.atMs ?? 0
  const lines = why.story.map((line) => ({ atMs: line.atMs, text: describe(line) }))
  for (const { nodeName, awardedAtMs, contractedAtMs, startedAtMs, endedAtMs, exit } of why.attempts) {
    if (contractedAtMs !== undefined)
      lines.push({ atMs: contractedAtMs, text: `contract   ${nodeName} has stored it and takes the task` })
    if (startedAtMs !== undefined)
      lines.push({ atMs: Math.max(awardedAtMs, startedAtMs), text: `started    on ${nodeName}` })
    if (endedAtMs !== undefined) lines.push({ atMs: endedAtMs, text: `ended      with exit code ${exit?.exitCode}` })
  }
  for (const { atMs, text } of lines.toSorted((a, b) => a.atMs - b.atMs))
    print(`${String(Math.max(0, atMs - startMs)).padStart(5)} ms  ${text}`)
}

function describe(line: StoryLine): string {
  switch (line.kind) {
    case 'offered':
      return `offer      ${line.slots} slot${line.slots === 1 ? '' : 's'}, to ${line.asked.length} nodes`
    case 'not-asked':
      return `not asked  ${line.nodeName}: ${line.reason}`
    case 'unreachable':
      return `no answer  ${line.nodeName}: ${line.reason}`
    case 'bid': {
      const terms = Object.entries(line.rank.terms)
        .map(([name, value]) => `${name} ${value.toFixed(2)}`)
        .join(', ')
      return `bid        ${line.nodeName}: score ${line.rank.score.toFixed(3)} (${terms})`
    }
    case 'declined': {
      const reasons = line.reasons.map((why) => `${why.constraint}: wanted ${why.wanted}, found ${why.measured}`)
      return `declined   ${line.nodeName}: ${reasons.join('; ')}`
    }
    case 'awarded':
      return `award      to ${line.nodeName}`
    case 'not-awarded':
      return `no more    ${line.nodeName}: ${line.reason}`
    case 'released':
      return `release    of ${line.nodeName}, which was not needed`
  }
}
