/**
 * Names, label keys and label values: the grammar of Kubernetes, so that existing labels fit.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 */
import * as z from 'zod'

const NAME_PART = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
const NAME_PART_MAX = 63
const SUBDOMAIN_MAX = 253

/** Labels or annotations on one object: more is a data base, not a label. */
const ENTRIES_MAX = 256

/** Lower-case dotted DNS name, at most 253 characters. */
export function isSubdomain(text: string): boolean {
  return (
    text.length <= SUBDOMAIN_MAX &&
    text.split('.').every((part) => part.length <= NAME_PART_MAX && DNS_LABEL.test(part))
  )
}

/** `name` or `prefix.example/name`; name at most 63 characters. */
export function isLabelKey(text: string): boolean {
  const slash = text.indexOf('/')
  const name = text.slice(slash + 1)
  if (slash >= 0 && !isSubdomain(text.slice(0, slash))) return false
  return name.length <= NAME_PART_MAX && NAME_PART.test(name)
}

/** Empty, or at most 63 letters, digits, `-`, `_`, `.`, starting and ending with a letter or digit. */
export function isLabelValue(text: string): boolean {
  return text === '' || (text.length <= NAME_PART_MAX && NAME_PART.test(text))
}

const KEY_EXPECTED = 'expected a label key: [prefix/]name, name up to 63 of A-Z a-z 0-9 - _ .'
const VALUE_EXPECTED = 'expected a label value: up to 63 of A-Z a-z 0-9 - _ ., letter or digit at both ends'
const LabelKey = z.string().refine(isLabelKey, KEY_EXPECTED)

/** Words a program selects by. */
export const Labels = z
  .record(LabelKey, z.string().refine(isLabelValue, VALUE_EXPECTED))
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
export const ObjectName = z
  .string()
  .refine(isSubdomain, 'expected a name of lower-case letters, digits, - and ., at most 253 characters')

/** A namespace: one lower-case DNS label. */
export const NamespaceName = z
  .string()
  .max(NAME_PART_MAX)
  .regex(DNS_LABEL, 'expected lower-case letters, digits and -, at most 63 characters')
