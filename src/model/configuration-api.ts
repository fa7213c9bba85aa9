/** The bodies of the local API that are about configuration; see `api.ts`. */
import * as z from 'zod'
import { CanaryShare, Configuration } from './configuration.ts'

const StageView = z.enum(['everywhere', 'trial', 'promoted', 'rolled-back'])

/** One setting on this node. */
const SettingView = z.strictObject({
  key: z.string(),
  /** What the node goes by, as somebody wrote it. */
  value: z.string(),
  initial: z.string(),
  about: z.string(),
  /** Who said so. */
  source: z.enum(['default', 'cluster', 'node']),
  /** What the cluster says, and this node's file or command line; either may have been left aside. */
  cluster: z.string().optional(),
  node: z.string().optional(),
  /** The cluster lets a node set it otherwise. */
  overridable: z.boolean(),
  /** Why what the cluster says is left aside. */
  fault: z.string().optional(),
})

/** One configuration that the admins decided upon. */
export const ConfigurationVersion = z.strictObject({
  /** Counts what was decided, from 1. */
  version: z.int(),
  atMs: z.int(),
  height: z.int(),
  hash: z.string(),
  signers: z.array(z.string()),
  ...Configuration.shape,
  /** Once a newer one was decided upon: `replaced` if it held everywhere, `ended` if its trial was not over yet. */
  stage: z.enum([...StageView.options, 'replaced', 'ended']),
  trial: z
    .strictObject({
      canaries: z.array(z.string()),
      forMs: z.int(),
      before: Configuration,
      /** What they are a share of; absent where all nodes that were named begin. */
      share: CanaryShare.optional(),
    })
    .optional(),
})
export type ConfigurationVersion = z.infer<typeof ConfigurationVersion>

/** `GET /v1/configuration`: what this node goes by. */
export const ConfigurationView = z.strictObject({
  settings: z.array(SettingView),
  /** Settings of the cluster that this version does not know. */
  unknown: z.array(z.string()),
  /** The newest that was decided; absent without a cluster, or where nothing was. */
  decided: ConfigurationVersion.optional(),
  /** What holds on members that are not canaries. */
  everywhere: Configuration,
  /** Of a trial: each canary, and what was said of it. */
  canaries: z.array(
    z.strictObject({
      peer: z.string(),
      name: z.string(),
      state: z.enum(['trying', 'well', 'unwell']),
      said: z.array(z.strictObject({ by: z.string(), why: z.string(), atMs: z.int() })),
    }),
  ),
})
export type ConfigurationView = z.infer<typeof ConfigurationView>

/** `GET /v1/configuration/history`: newest first. */
export const ConfigurationHistory = z.strictObject({ versions: z.array(ConfigurationVersion) })
export type ConfigurationHistory = z.infer<typeof ConfigurationHistory>
