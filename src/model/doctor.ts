/** What `althing doctor` finds: the steps of an examination, and who reaches whom. Part of the local API. */
import * as z from 'zod'
import { LinkWay } from './examine.ts'

/**
 * The steps there are. Of a host: `daemon` to `neighbours`. Of a pair, in the order in which each needs the one
 * before: `resolve`, `dial`, `handshake`, `protocol`, `cluster`, `clock`, `probes`, `records`; beside these
 * `multicast`, and `path`, which is broken when the two reach each other through a relay only.
 */
export const STEP_IDS = [
  'daemon',
  'data-directory',
  'disk',
  'time-sync',
  'store',
  'addresses',
  'limits',
  'isolation',
  'neighbours',
  'resolve',
  'dial',
  'handshake',
  'protocol',
  'cluster',
  'clock',
  'probes',
  'records',
  'multicast',
  'path',
] as const
/** One of `STEP_IDS`. */
export type StepId = (typeof STEP_IDS)[number]

/** `skipped`: not looked at, since a step before it is broken or there is nothing to look at; `found` says why. */
export const STEP_OUTCOMES = ['ok', 'warning', 'broken', 'skipped'] as const

/** One step of an examination: what was found, and for what is wrong the cause and what to do. */
export const DoctorStep = z.strictObject({
  id: z.enum(STEP_IDS),
  outcome: z.enum(STEP_OUTCOMES),
  /** What was measured, in words. */
  found: z.string(),
  /** Why it is so, as far as can be told; only for `warning` and `broken`. */
  cause: z.string().optional(),
  /** What to do, most promising first: sentences, and commands to type. Empty when nothing is to be done. */
  fix: z.array(z.string()),
  /** The same values for programs; units are in the names. */
  measured: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
})
export type DoctorStep = z.infer<typeof DoctorStep>

/** How the node of a row sees the member of a column. */
export const ReachabilityCell = z.strictObject({
  peerId: z.string(),
  way: LinkWay,
  /** Round trip in milliseconds, where it is known. */
  rttMs: z.number().optional(),
})
export type ReachabilityCell = z.infer<typeof ReachabilityCell>

/** One node's view of the others. */
export const ReachabilityRow = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  /** This node itself, a neighbour's own word, or one that told nothing: `whyNot` says why. */
  source: z.enum(['self', 'told', 'unknown']),
  whyNot: z.string().optional(),
  cells: z.array(ReachabilityCell),
  /** Members that the node knows and could not tell of in one answer. */
  leftOut: z.int(),
})
export type ReachabilityRow = z.infer<typeof ReachabilityRow>

/** `GET /v1/reachability`: who sees whom. */
export const ReachabilityView = z.strictObject({
  rows: z.array(ReachabilityRow),
  /** Members beyond the cap on rows. */
  rowsLeftOut: z.int(),
})
export type ReachabilityView = z.infer<typeof ReachabilityView>
