/**
 * How one daemon examines its link to another, over the control stream: four timestamps, what the other knows of the
 * asker, and, when asked for, how the other is linked to everybody else. Unsigned: the link proves who speaks.
 */
import * as z from 'zod'

/** Links that one answer names at most; how many more there are is said. An entry takes 100 bytes at most. */
export const MAX_TOLD_LINKS = 256

const Nonce = z.int().min(0).max(0xffff_ffff)
/** Unix milliseconds by the sender's wall clock. */
const WallMs = z.int().min(0)
const AgeMs = z.int().min(0)

/** How a node reaches another. `heard`: no link between the two, but its heartbeats come by way of others. */
export const LINK_WAYS = ['direct', 'relayed', 'heard', 'none'] as const
/** One of `LINK_WAYS`. */
export const LinkWay = z.enum(LINK_WAYS)
export type LinkWay = z.infer<typeof LinkWay>

/** One member as another sees it: whom, which way, and the smoothed round trip where it is known. */
export const ToldLink = z.strictObject({
  peer: z.string().min(1).max(64),
  way: LinkWay,
  /** In microseconds, since links in one room take less than a millisecond. */
  rttUs: z.int().min(0).max(3_600_000_000).optional(),
})
export type ToldLink = z.infer<typeof ToldLink>

/** What time is it with you, and how do you see me? `links`: and whom else do you see? */
export const Examine = z.strictObject({ nonce: Nonce, links: z.boolean() })
export type Examine = z.infer<typeof Examine>

/** The answer. Ages are milliseconds by the answerer's clock, which need not be right for that. */
export const Examined = z.strictObject({
  nonce: Nonce,
  /** When the question came, and when this left: T2 and T3 of RFC 5905, section 8. */
  receivedMs: WallMs,
  sentMs: WallMs,
  /** It announces itself by multicast, and looks for others by it. */
  mdns: z.boolean(),
  /** Of the asker's newest heartbeat there; absent when it has none. */
  heartbeatAgeMs: AgeMs.optional(),
  /** Since the last datagram of the asker came in; absent when none has. */
  datagramAgeMs: AgeMs.optional(),
  /** Only when asked for. */
  links: z.array(ToldLink).max(MAX_TOLD_LINKS).optional(),
  /** Members it knows that found no room in `links`. */
  linksLeftOut: z.int().min(0),
})
export type Examined = z.infer<typeof Examined>
