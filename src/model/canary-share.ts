/**
 * Which of the nodes that labels name try settings first, where a share of them is to. Nobody draws lots: each node has
 * its rank at a place in the log, and the first begin. So whoever sees the same nodes comes to the same ones, whoever
 * proposes it again too; a larger share has all of a smaller one; and with the next version others have the risk.
 */
import { sha256Hex } from '../util/sha256.ts'

/** How many of so many nodes a share is: rounded up, so that somebody tries it. */
export function shareSize(percent: number, of: number): number {
  return Math.ceil((percent * of) / 100)
}

/** The nodes that begin, in order of rank. @param parent the entry of the log upon which it is proposed */
export function shareOf(nodes: readonly string[], percent: number, parent: string): string[] {
  const ranked = nodes.map((node) => ({ node, rank: sha256Hex(new TextEncoder().encode(`${parent} ${node}`)) }))
  const first = ranked.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, shareSize(percent, nodes.length))
  return first.map(({ node }) => node)
}
