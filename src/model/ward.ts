/**
 * Wards: the parts of a large mesh whose members know each other. What their names look like, what a ward says of
 * itself to the others (its digest), and how members of other wards ask for more. How a mesh is cut into them is in
 * `mesh/wards/`.
 */
import * as z from 'zod'
import { Resources } from './resources.ts'
import { isLabelValue } from './label-grammar.ts'

/** The whole mesh: the only ward there is as long as the mesh is small. */
export const WHOLE = '/'
/** In the name of a ward, the zone of those who have none of their own. No label's value begins with it. */
export const NAMELESS_ZONE = '_'
/** Bits of a hash that a ward's name can hold. 20,000 members at 192 a ward and more need 7, a skewed few 20. */
export const MOST_BITS = 20
/** `<zone>/<bits>`: a zone's label of 63 characters at most. */
const MOST_NAME = 63 + 1 + MOST_BITS

/** Bytes of the filter over names. Of 600 names it takes four in a hundred others for its own. */
export const FILTER_BYTES = 512
/** Records in one answer, and their bytes: half a frame. */
export const WARD_LIMITS = {
  told: 64,
  toldBytes: 128 * 1024,
  recordBytes: 8 * 1024,
  /** Nodes that are asked for at once where all are wanted: with passports of usual size they fit. */
  page: 24,
} as const

/** True for a ward's name other than `WHOLE`: a zone, a slash, and leading bits of the members' hashes. */
export function isWardName(name: string): boolean {
  if (name.length > MOST_NAME) return false
  const [zone = '', bits, ...rest] = name.split('/')
  const isZone = zone === NAMELESS_ZONE || (zone !== '' && isLabelValue(zone))
  return isZone && bits !== undefined && rest.length === 0 && bits.length <= MOST_BITS && /^[01]*$/.test(bits)
}

/** Name of a ward, that of the whole mesh excluded. */
export const WardName = z.string().max(MOST_NAME).refine(isWardName, 'expected <zone>/<bits>, such as attic/01 or _/1')

const count = z.int().min(0).max(20_000)
const PeerIdText = z.string().min(1).max(64)

/** What a member says of its ward to all others: hints for whom to ask, by which nothing is decided. */
export const WardDigest = z.strictObject({
  /** Living members, and those of them that take work. */
  members: count.min(1),
  ready: count,
  /** Free in all of them together, and the most of each that one of them has. */
  free: Resources,
  largest: Resources,
  /** Drivers that some of them have. */
  drivers: z.array(z.string().min(1).max(32)).max(16),
  /** In the nameless zone: zone labels of its members, the most frequent first. */
  zones: z.array(z.tuple([z.string().min(1).max(63), count.min(1)])).max(16),
  /** Names of nodes and capabilities: a Bloom filter. */
  names: z.custom<Uint8Array>(
    (bytes) => bytes instanceof Uint8Array && bytes.length === FILTER_BYTES,
    `expected ${FILTER_BYTES} bytes`,
  ),
  /** Members that can be asked, and where they are dialled. */
  contacts: z
    .array(z.strictObject({ peerId: PeerIdText, addresses: z.array(z.string().min(1).max(128)).max(2) }))
    .min(1)
    .max(3),
  /** Until the next digest of the ward, at most. */
  intervalMs: z.int().min(1).max(86_400_000),
})
export type WardDigest = z.infer<typeof WardDigest>

/** The sender holds what the members of this ward say; of the whole mesh, where that is its name. */
export const WardHere = z.strictObject({ ward: z.union([z.literal(WHOLE), WardName]) })

/** Which nodes of a ward are meant: all that fit every word that is given. */
export const WardQuestion = z.strictObject({
  ward: WardName,
  /** A node's name or peer id, or the beginning of either. */
  name: z.string().min(1).max(253).optional(),
  capability: z.string().min(1).max(128).optional(),
  /** A label selector, as text. */
  selector: z.string().min(1).max(4096).optional(),
  /** Free there by its last heartbeat. */
  free: Resources.optional(),
  driver: z.string().min(1).max(32).optional(),
  most: z.int().min(1).max(WARD_LIMITS.told),
  /** In the order of their ids, those after this one; absent: any of them, by chance. */
  after: z.string().max(64).optional(),
})
export type WardQuestion = z.infer<typeof WardQuestion>

const Nonce = z.int().min(0).max(0xffff_ffff)

/** For the digests that the other holds; those first that may be of the asker's own ward; or for nodes of its ward. */
export const WardAsk = z.strictObject({
  nonce: Nonce,
  want: z.union([z.strictObject({ digestsFor: z.string().max(63) }), z.strictObject({ nodes: WardQuestion })]),
})
export type WardAsk = z.infer<typeof WardAsk>

/** Signed envelopes: whoever passes them on is believed in nothing but what it leaves out. */
export const WardTold = z.strictObject({
  nonce: Nonce,
  records: z
    .array(
      z.strictObject({
        bytes: z.custom<Uint8Array>(
          (bytes) => bytes instanceof Uint8Array && bytes.length <= WARD_LIMITS.recordBytes,
          `expected at most ${WARD_LIMITS.recordBytes} bytes`,
        ),
        /** Since its author sent it, as far as the sender knows. */
        ageMs: z.int().min(0),
      }),
    )
    .max(4 * WARD_LIMITS.told),
  /** Nodes or digests that did not fit into the answer. */
  left: count,
  /** The ward that was asked for is not the sender's. */
  moved: z.boolean(),
})
export type WardTold = z.infer<typeof WardTold>
