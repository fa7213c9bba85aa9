/** The bodies of the local API that are about policies; see `api.ts`. */
import * as z from 'zod'
import { POLICY_LEVELS } from './policy-levels.ts'

/** Whose policy: this node's own, or one that the admins of its cluster signed. */
export const PolicyLevel = z.enum(POLICY_LEVELS)

/** One version of a policy. */
export const PolicyVersion = z.strictObject({
  /** Counts what was applied and removed on this node, or decided in the cluster, from 1. */
  version: z.int(),
  atMs: z.int(),
  /** Who says to have applied it. Whoever reaches the socket may say anything. */
  by: z.string(),
  /** Of the file as it was given; empty for a removal. */
  sha256: z.string(),
  /** `metadata.name`; empty for a removal. */
  name: z.string(),
  rules: z.int(),
  /** Of the cluster's policy: the place in the governance log, and who signed. */
  height: z.int().optional(),
  signers: z.array(z.string()).optional(),
})
export type PolicyVersion = z.infer<typeof PolicyVersion>

/** `GET|POST|DELETE /v1/policy`: the policy in force on this node, or that of its cluster. */
export const PolicyView = z.strictObject({
  /** Absent when there is none: the trust list and `--open` alone decide. */
  policy: PolicyVersion.optional(),
  /** The file as it was given. */
  text: z.string().optional(),
  /** Why a policy that is stored cannot be used; everything is refused then. */
  unusable: z.string().optional(),
  /** After a change: tasks here that it ends. */
  stopped: z.array(z.string()),
})
export type PolicyView = z.infer<typeof PolicyView>

/** `GET /v1/policy/history`: newest first. */
export const PolicyHistory = z.strictObject({ versions: z.array(PolicyVersion) })
export type PolicyHistory = z.infer<typeof PolicyHistory>

/** May it run, and by or for what. */
const verdict = () => z.strictObject({ allowed: z.boolean(), why: z.array(z.string()) })

/** A job that was offered here. */
const offeredJob = () => ({
  jobId: z.string(),
  submitter: z.string(),
  submitterName: z.string(),
  command: z.array(z.string()),
})

/** `POST /v1/policy/test`: what another policy would say of the jobs that were offered here. */
export const PolicyTrial = z.strictObject({
  offers: z.int(),
  /** Verdicts that stay as they are. */
  stillAllowed: z.int(),
  stillRefused: z.int(),
  /** The job last offered first. */
  changes: z.array(z.strictObject({ ...offeredJob(), atMs: z.int(), before: verdict(), after: verdict() })),
  /** Changes beyond those that are listed. */
  leftOut: z.int(),
})
export type PolicyTrial = z.infer<typeof PolicyTrial>

/** `GET /v1/tasks/{id}/policy`: what the policy in force says of a task that is known here, rule by rule. */
export const PolicyExplanation = z.strictObject({
  ...offeredJob(),
  verdict: verdict(),
  rules: z.array(
    z.strictObject({
      level: PolicyLevel,
      policy: z.string(),
      rule: z.string(),
      wanted: z.string(),
      outcome: z.enum(['admits', 'passes', 'refuses', 'error']),
      saw: z.string(),
    }),
  ),
  /** How this node answered when it was offered; absent when it was not, or too long ago. */
  answered: z.strictObject({ atMs: z.int(), reasons: z.array(z.string()) }).optional(),
})
export type PolicyExplanation = z.infer<typeof PolicyExplanation>
