/**
 * Configuration of a cluster: settings that its admins sign as an entry of the governance log, and what members sign of
 * how those fare that try them first. What both mean together is decided in `governance/configuration.ts`.
 */
import * as z from 'zod'
import { shareSize } from './canary-share.ts'
import { PeerId, Sha256Hex } from './identifiers.ts'
import { CONFIGURATION_LIMITS } from './settings.ts'

const Key = z
  .string()
  .max(CONFIGURATION_LIMITS.keyLength)
  .regex(/^[a-z][a-z-]*(\.[a-z][a-z-]*)*$/, 'expected a setting, such as heartbeat.every')
const unique = (all: readonly string[]) => new Set(all).size === all.length

/** Settings by key, and which of them a node may set otherwise for itself. Those of later versions are kept. */
export const Configuration = z.strictObject({
  settings: z
    .record(Key, z.string().min(1).max(CONFIGURATION_LIMITS.valueLength))
    .refine((all) => Object.keys(all).length <= CONFIGURATION_LIMITS.settings, 'too many settings'),
  overridable: z.array(Key).max(CONFIGURATION_LIMITS.settings).refine(unique, 'a setting twice'),
})
export type Configuration = z.infer<typeof Configuration>

/** Who tries a configuration before all others, and what holds elsewhere meanwhile, and everywhere if it fails. */
export const Trial = z.strictObject({
  canaries: z.array(PeerId).min(1).max(CONFIGURATION_LIMITS.canaries).refine(unique, 'a node twice'),
  /** How long each of them must be well with it. */
  forMs: z.int().min(CONFIGURATION_LIMITS.leastForMs).max(CONFIGURATION_LIMITS.forMs),
  /** How many other members must say that a canary is gone. Its own word that it is unwell is enough. */
  witnesses: z.int().min(1).max(CONFIGURATION_LIMITS.witnesses),
  before: Configuration,
})
export type Trial = z.infer<typeof Trial> & { readonly share?: CanaryShare | undefined }

/** What the canaries are a share of, for people: who begins is named. `of`: nodes that were up with these labels. */
export const CanaryShare = z.strictObject({
  /** Empty: all that are up. */
  selector: z.string().max(CONFIGURATION_LIMITS.selectorLength),
  percent: z.int().min(1).max(99),
  of: z.int().min(1),
})
export type CanaryShare = z.infer<typeof CanaryShare>

/** A trial by a share of the nodes that labels name, as `canary-share.ts` picks them. */
export const SharedTrial = z
  .strictObject({ ...Trial.shape, share: CanaryShare })
  .refine(
    ({ canaries, share: { percent, of } }) => canaries.length === shareSize(percent, of),
    'other than so many canaries',
  )

/** Signed by a member: how a canary fares with a configuration. That it is well only the canary itself can say. */
export const CanaryWord = z.strictObject({
  cluster: Sha256Hex,
  /** Who signs it. */
  node: PeerId,
  /** The entry of the log that the configuration came by. */
  entry: Sha256Hex,
  /** The canary. */
  about: PeerId,
  well: z.boolean(),
  /** For people: what was seen. */
  why: z.string().max(256),
  atMs: z.int().min(0),
})
export type CanaryWord = z.infer<typeof CanaryWord>
