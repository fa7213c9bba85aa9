/** What a node keeps of wards: in which it is, where it goes, and what the others say of theirs. */
import type { WardDigest, WardQuestion } from '../../model/ward.ts'
import { BoundedMap } from '../../util/bounded-map.ts'
import { TokenBuckets, type Rate } from '../../util/token-buckets.ts'
import type { VerifiedRecord } from '../../wire/envelope.ts'
import type { Ward } from './ward.ts'

/** Knobs. They must be the same in the whole mesh. */
export interface WardConfig {
  /** Above so many living members a mesh is cut into wards. @default 1000 */
  readonly wholeMost: number
  /** Below so many, by all digests together, it is one again. @default 700 */
  readonly wholeLeast: number
  /** Above so many living members a ward is cut in two. @default 512 */
  readonly most: number
  /** Below so many in both together two halves are one again. @default 192 */
  readonly least: number
  /** From so many members on a zone has wards of its own, @default 64 */
  readonly zoneFrom: number
  /** and keeps them as long as it has so many. @default 32 */
  readonly zoneUntil: number
  /** For so long a change must seem right before it is made, @default 60000 */
  readonly settleMs: number
  /** and what is decided is looked at so often. @default 5000 */
  readonly reviewMs: number
  /** Between two digests of a ward, at least: with many wards it is longer. @default 20000 */
  readonly digestMs: number
}

/** The defaults; why these, says decision 11. */
export const DEFAULT_WARDS: WardConfig = Object.freeze({
  ...{ wholeMost: 1_000, wholeLeast: 700, most: 512, least: 192, zoneFrom: 64, zoneUntil: 32 },
  ...{ settleMs: 60_000, reviewMs: 5_000, digestMs: 20_000 },
})

/** Timers of wards. None is set without a configuration for them. */
export type WardTimer = 'wards' | 'ward-digest' | 'ward-release' | 'ward-asks'

/** Caps. */
export const HELD_LIMITS = {
  /** Authors of digests, two or three of whom speak for each ward. */
  digests: 1_024,
  /** Members of other wards that are known here because somebody asked for them. */
  guests: 1_024,
  /** Questions under way. */
  questions: 64,
  /** Those whose questions are counted. */
  askers: 1_024,
  /** Jobs that have looked elsewhere. */
  looked: 1_024,
  /** Wards whose silence is remembered. */
  silent: 256,
} as const

/** Questions of one asker that are answered. */
const ANSWERS: Rate = { perSecond: 4, burst: 16 }

/** The newest digest of one author. */
export interface HeldDigest {
  readonly ward: Ward
  readonly body: WardDigest
  readonly record: VerifiedRecord
  readonly bornMs: number
  readonly expiresMs: number
}

/** What was asked, and what has come of it so far. */
export interface Question {
  readonly nonce: number
  /** Undefined: for digests, of whoever is asked. */
  readonly about: WardQuestion | undefined
  /** Whoever waits for the answer outside the core. */
  readonly ticket: string | undefined
  /** Who is asked now, */
  peer: string
  /** and who would be next. */
  readonly others: string[]
  /** When the one that is asked now has had its time. */
  untilMs: number
}

/** A move: where to, by which zones there, since when, and who was heard there meanwhile. */
export interface Move {
  readonly to: Ward | undefined
  readonly zones: ReadonlySet<string>
  readonly sinceMs: number
  readonly heard: Set<string>
}

/** All of it. */
export interface WardState {
  /** Where this node is; undefined: in the whole mesh. */
  at: Ward | undefined
  move: Move | undefined
  /** Since when it should be somewhere else. */
  wishedMs: number | undefined
  /** Since when it is where it is. */
  atMs: number
  /** When it last spoke to the whole mesh, while it is on its way between that and a ward. */
  toldWholeMs: number
  /** Zones that have wards of their own, by which it is where it is. */
  zones: ReadonlySet<string>
  /** By author. */
  readonly digests: BoundedMap<string, HeldDigest>
  /** What linked peers hold, by name; who has said nothing holds all. */
  readonly here: Map<string, string>
  /** Members of other wards that are kept, and when each was last of use. */
  readonly guests: BoundedMap<string, number>
  readonly questions: BoundedMap<number, Question>
  /** What each asker may still ask. */
  readonly askers: TokenBuckets
  /** Wards none of whose contacts has answered, by name, and since when. */
  readonly silent: BoundedMap<string, number>
  /** When a job last asked other wards. */
  readonly looked: BoundedMap<string, number>
  /** Members of other wards to whom this node keeps links. */
  outside: readonly string[]
}

/** In the whole mesh, knowing nothing of wards. */
export function createWards(): WardState {
  return {
    at: undefined,
    move: undefined,
    wishedMs: undefined,
    atMs: -Infinity,
    toldWholeMs: -Infinity,
    zones: new Set(),
    digests: new BoundedMap(HELD_LIMITS.digests, 'refuse'),
    here: new Map(),
    guests: new BoundedMap(HELD_LIMITS.guests, 'evict-oldest'),
    questions: new BoundedMap(HELD_LIMITS.questions, 'refuse'),
    askers: new TokenBuckets(ANSWERS, HELD_LIMITS.askers),
    silent: new BoundedMap(HELD_LIMITS.silent, 'evict-oldest'),
    looked: new BoundedMap(HELD_LIMITS.looked, 'evict-oldest'),
    outside: [],
  }
}
