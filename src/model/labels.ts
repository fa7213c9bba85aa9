/**
 * Names, label keys and label values, as schemas. The grammar is that of Kubernetes, see `label-grammar.ts`.
 */
import * as z from 'zod'
import {
  DNS_LABEL,
  DNS_LABEL_MAX,
  isLabelKey,
  isLabelValue,
  isSubdomain,
  KEY_EXPECTED,
  SUBDOMAIN_EXPECTED,
  VALUE_EXPECTED,
} from './label-grammar.ts'

export { isLabelKey, isLabelValue }

/** Labels or annotations on one object: more is a data base, not a label. */
const ENTRIES_MAX = 256

const LabelKey = z.string().refine(isLabelKey, `expected ${KEY_EXPECTED}`)

/** Words a program selects by. */
export const Labels = z
  .record(LabelKey, z.string().refine(isLabelValue, `expected ${VALUE_EXPECTED}`))
  .refine((labels) => Object.keys(labels).length <= ENTRIES_MAX, `expected at most ${ENTRIES_MAX} labels`)
export type Labels = z.infer<typeof Labels>

/** Free text for people and tools. */
export const Annotations = z
  .record(LabelKey, z.string().max(8192))
  .refine(
    (annotations) => Object.keys(annotations).length <= ENTRIES_MAX,
    `expected at most ${ENTRIES_MAX} annotations`,
  )

/** An object's name: a lower-case dotted DNS name. */
export const ObjectName = z.string().refine(isSubdomain, `expected ${SUBDOMAIN_EXPECTED}`)

/** A namespace: one lower-case DNS label. */
export const NamespaceName = z
  .string()
  .max(DNS_LABEL_MAX)
  .regex(DNS_LABEL, 'expected lower-case letters, digits and -, at most 63 characters')
