/**
 * The node passport: how a machine, an agent or a service says what it is and what it can do.
 *
 * The shape follows Kubernetes objects (`metadata`, `spec`, `status`). A passport file describes a
 * service that a machine hosts; the machine's own passport is the one with `spec.node`, which only
 * its daemon writes.
 */
import * as z from 'zod'
import { HardwareSummary } from './hardware.ts'
import { pathOfNonJson } from './json.ts'
import { Annotations, Labels, NamespaceName, ObjectName } from './labels.ts'
import { Resources } from './resources.ts'

/** Our own group; others with version `v1` and the same shape are accepted as they are. */
export const API_VERSION = 'althing.dev/v1'

/** Free data of the passport's owner: whatever JSON can say, and nothing else. */
const Json = z.unknown().superRefine((value, context) => {
  const path = pathOfNonJson(value)
  if (path !== undefined) {
    context.addIssue({
      code: 'custom',
      path,
      message: 'expected JSON data: text, number, true, false, null, list or map, and no key __proto__',
    })
  }
})
const JsonObject = z.record(z.string(), Json)

/** Something a node can be asked to do. Found by its name. */
export const Capability = z.strictObject({
  name: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]*$/, 'expected letters, digits, . _ : / -, starting with a letter or digit'),
  description: z.string().max(2048).optional(),
  /** What it takes and gives, in the words of its owner: JSON Schema, or field names and types. */
  input_schema: Json.optional(),
  output_schema: Json.optional(),
})
export type Capability = z.infer<typeof Capability>

/** What a daemon says of its machine; only in the machine's own passport. */
export const NodeSpec = z.strictObject({
  /** Must be the author of the record that carries this. */
  peerId: z.string().min(1).max(128),
  /** Hardware as measured. Fields this version does not know are dropped from the view, not from the record. */
  hardware: HardwareSummary,
  /** What it offers to tasks. */
  capacity: Resources,
  drivers: z.array(z.string().min(1).max(32)).max(16),
  /** Multiaddrs where it can be dialled. */
  addresses: z.array(z.string().min(1).max(256)).max(32),
  /** Althing's version. */
  version: z.string().max(64),
  /** How limits of tasks are held there: `cgroup-v2`, `watched`, `none`… */
  enforcement: z.strictObject({ cpu: z.string().max(32), memory: z.string().max(32) }),
  /** What tasks can be isolated by there: `bwrap`. Absent: by nothing. */
  isolation: z.string().max(32).optional(),
})
export type NodeSpec = z.infer<typeof NodeSpec>

export const Passport = z.strictObject({
  apiVersion: z
    .string()
    .max(256)
    .regex(/^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/v1$/, `expected <group>/v1, for example ${API_VERSION}`),
  kind: z.literal('NodePassport'),
  metadata: z.strictObject({
    name: ObjectName,
    namespace: NamespaceName.default('default'),
    labels: Labels.default({}),
    annotations: Annotations.default({}),
  }),
  spec: z.strictObject({
    /** What sort of thing it is: `agent`, `service`, `machine`… */
    type: z.string().min(1).max(64),
    version: z.string().min(1).max(64),
    capabilities: z.array(Capability).max(128).default([]),
    /** How to talk to it: queue names, URLs, whatever its callers understand. */
    communication: JsonObject.optional(),
    /** What it has or needs, in its owner's words. */
    resources: JsonObject.optional(),
    node: NodeSpec.optional(),
  }),
  /** Written by tools that keep state in the file; live state comes from heartbeats. */
  status: JsonObject.optional(),
})
export type Passport = z.infer<typeof Passport>

/** The record name a passport is published under: newest wins per author and this name. */
export function passportName(passport: { metadata: { namespace: string; name: string } }): string {
  return `${passport.metadata.namespace}/${passport.metadata.name}`
}
