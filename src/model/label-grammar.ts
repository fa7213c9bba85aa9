/**
 * The grammar of names, label keys and label values: that of Kubernetes, so that existing labels fit.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
 *
 * Apart from the schemas, which programs that only check a word need not load.
 */

const NAME_PART = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const NAME_PART_MAX = 63
const SUBDOMAIN_MAX = 253
/** One part of a DNS name: lower-case letters, digits and inner `-`. */
export const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/
/** Characters of a DNS label, and of a label's name and value. */
export const DNS_LABEL_MAX = NAME_PART_MAX

/** Lower-case dotted DNS name, at most 253 characters, each part at most 63. */
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

/** What a fault in a name says was expected. */
export const SUBDOMAIN_EXPECTED =
  'a name of lower-case letters, digits, - and ., at most 253 characters and 63 between two dots'
/** What a fault in a label's key says was expected. */
export const KEY_EXPECTED = 'a label key: [prefix/]name, name up to 63 of A-Z a-z 0-9 - _ .'
/** What a fault in a label's value says was expected. */
export const VALUE_EXPECTED = 'a label value: up to 63 of A-Z a-z 0-9 - _ ., letter or digit at both ends'
