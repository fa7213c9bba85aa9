/**
 * Asks neighbours how they see this node, and answers them. Both go over the control stream beside the mesh's own
 * messages: an examination is about the link, and changes nothing of the mesh.
 */
import { randomInt } from 'node:crypto'
import type { MeshState } from '../../mesh/types.ts'
import { LINK_WAYS, MAX_TOLD_LINKS, type Examine, type Examined, type ToldLink } from '../../model/examine.ts'
import { wayTo } from '../../diagnosis/reachability.ts'
import type { Exchange } from '../../diagnosis/clock.ts'
import type { Peer, PeerIdText } from '../../peer/peer.ts'
import { leaseMsOf, nodes } from '../../registry/registry.ts'
import { BoundedMap } from '../../util/bounded-map.ts'
import type { Clock } from '../../util/clock.ts'
import { TokenBuckets, type Rate } from '../../util/token-buckets.ts'
import type { ExamineMessage } from '../inbound.ts'
import { toFrame, type Sealer } from '../messages.ts'
import type { Probes } from '../probes.ts'

/** Questions under way at once; beyond it further ones are not asked. */
const MAX_ASKED = 512
/**
 * Answers a second to one peer, and how many at once: an answer with links takes the work of a list of all nodes. One
 * `althing doctor` asks some ten times in a few seconds.
 */
const ANSWERS: Rate = { perSecond: 10, burst: 40 }
/** Peers whose questions are counted: more than there can be links. */
const MAX_ASKERS = 1_024
/** How long an answer may take. */
export const ANSWER_WAIT_MS = 2_000

/** An answer, and the four times of its exchange. */
export interface Examination {
  readonly answer: Examined
  readonly exchange: Exchange
  /** Round trip of the control stream by the monotonic clock, milliseconds. */
  readonly rttMs: number
}

/** What the examiner works with. */
export interface ExaminerOptions {
  readonly peer: () => Peer
  readonly mesh: MeshState
  readonly clock: Clock
  readonly sealer: Sealer
  readonly probes: () => Probes
  /** This daemon announces itself by multicast. */
  readonly mdns: boolean
}

interface Asked {
  readonly askedMs: number
  readonly startMs: number
  resolve(examination: Examination): void
}

/** Both sides of an examination. */
export class Examiner {
  readonly #options: ExaminerOptions
  /** By peer and nonce. */
  readonly #asked = new BoundedMap<string, Asked>(MAX_ASKED, 'refuse')
  /** What each peer may still ask. */
  readonly #allowance = new TokenBuckets(ANSWERS, MAX_ASKERS)

  constructor(options: ExaminerOptions) {
    this.#options = options
  }

  /**
   * Asks a linked peer. Never rejects, and dials nobody.
   * @returns undefined when no answer came in time: an older version gives none
   */
  async ask(peer: PeerIdText, links: boolean, signal: AbortSignal): Promise<Examination | undefined> {
    const { clock, sealer } = this.#options
    if (this.#options.peer().link(peer) === undefined || signal.aborted) return undefined
    const nonce = randomInt(2 ** 32)
    const key = `${peer}/${nonce}`
    const { promise, resolve } = Promise.withResolvers<Examination | undefined>()
    const giveUp = (): void => resolve(undefined)
    const patience = setTimeout(giveUp, ANSWER_WAIT_MS)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      const taken = this.#asked.set(key, { askedMs: clock.wallMs(), startMs: performance.now(), resolve })
      if (!taken) return undefined
      this.#options
        .peer()
        .send(peer, toFrame({ t: 'examine', body: { nonce, links } }, sealer))
        .catch(giveUp)
      return await promise
    } finally {
      clearTimeout(patience)
      signal.removeEventListener('abort', giveUp)
      this.#asked.delete(key)
    }
  }

  /** Takes a question or an answer of a peer of this cluster. */
  take(from: PeerIdText, message: ExamineMessage): void {
    if (message.t === 'examine') return this.#answer(from, message.body)
    const heardMs = this.#options.clock.wallMs()
    const asked = this.#asked.get(`${from}/${message.body.nonce}`)
    if (asked === undefined) return
    const { receivedMs, sentMs } = message.body
    const exchange = { askedMs: asked.askedMs, receivedMs, answeredMs: sentMs, heardMs }
    asked.resolve({ answer: message.body, exchange, rttMs: performance.now() - asked.startMs })
  }

  #answer(to: PeerIdText, { nonce, links }: Examine): void {
    const { clock, mdns, sealer, mesh } = this.#options
    if (!this.#allowance.take(to, clock.nowMs())) return
    const receivedMs = clock.wallMs()
    const heartbeatAgeMs = heartbeatAgeOf(mesh, to, clock.nowMs())
    const datagramAgeMs = this.#options.probes().datagramAgeMs(to)
    const told = links ? this.links() : undefined
    const body: Examined = {
      nonce,
      receivedMs,
      sentMs: clock.wallMs(),
      mdns,
      ...(heartbeatAgeMs !== undefined && { heartbeatAgeMs }),
      ...(datagramAgeMs !== undefined && { datagramAgeMs: Math.round(datagramAgeMs) }),
      ...(told !== undefined && { links: told.slice(0, MAX_TOLD_LINKS) }),
      linksLeftOut: Math.max(0, (told?.length ?? 0) - MAX_TOLD_LINKS),
    }
    // A link that goes at this moment takes the answer with it.
    this.#options
      .peer()
      .send(to, toFrame({ t: 'examined', body }, sealer))
      .catch(() => {})
  }

  /** How this node reaches each member it knows, linked ones first. */
  links(): ToldLink[] {
    const { mesh, clock } = this.#options
    const peer = this.#options.peer()
    const known = nodes(mesh.registry, clock.nowMs(), { includeDead: false }).filter(
      ({ peerId }) => peerId !== mesh.self,
    )
    return known
      .map((node): ToldLink => {
        const link = peer.link(node.peerId)
        const rttMs = mesh.topology.watches.get(node.peerId)?.rttMs
        const way = wayTo({
          isLinked: link !== undefined,
          isRelayed: link?.relay !== undefined,
          isHeard: node.state !== 'offline',
        })
        return { peer: node.peerId, way, ...(rttMs !== undefined && { rttUs: Math.round(rttMs * 1_000) }) }
      })
      .toSorted((a, b) => LINK_WAYS.indexOf(a.way) - LINK_WAYS.indexOf(b.way))
  }
}

/** The age of a node's newest heartbeat here, milliseconds. */
export function heartbeatAgeOf(mesh: MeshState, peerId: PeerIdText, nowMs: number): number | undefined {
  const beat = mesh.registry.authors.get(peerId)?.beat
  return beat === undefined ? undefined : Math.max(0, Math.round(nowMs - beat.bornMs))
}

/** Without a heartbeat for so long a node counts as offline, milliseconds: it may have promised to beat seldom. */
export function leaseMsOfNode({ registry }: MeshState, peerId: PeerIdText): number {
  const author = registry.authors.get(peerId)
  return author === undefined ? registry.config.leaseMs : leaseMsOf(author, registry.config)
}
