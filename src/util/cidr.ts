/**
 * Addresses and the networks they are in. An IPv4 address in IPv6 clothes (`::ffff:10.0.0.5`, RFC 4291, section
 * 2.5.5.2) is the IPv4 address, since a socket that listens on `::` shows them so; IPv4 networks and IPv6 networks have
 * nothing in common otherwise: `::/0` is all of IPv6 and nothing of IPv4.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** An address as a number. */
export interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** A network: the first `prefix` bits of `value` are its own. */
export interface Network extends Address {
  readonly prefix: number
}

/** No text of an address is longer, its zone included. */
const MOST_CHARS = 128
/** What the first 96 bits of a mapped address are. */
const MAPPED = 0xffffn
const MAPPED_BITS = 96

/** An address as text, mapped ones as what they are; undefined for what is none. A zone (`%eth0`) is left away. */
export function readAddress(text: string): Address | undefined {
  if (text.length > MOST_CHARS) return undefined
  if (isIPv4(text)) return { bits: 32, value: readIPv4(text) }
  if (!isIPv6(text)) return undefined
  const value = readIPv6(text.replace(/%.*$/, ''))
  return value >> 32n === MAPPED ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value }
}

/**
 * A network in CIDR notation, or a single address. Bits behind the prefix must be 0: whoever writes `10.0.0.5/8` may
 * have meant something else.
 * @returns what is wrong with it, as a text, when it is none
 */
export function readNetwork(text: string): Network | string {
  const [host = '', length, ...more] = text.split('/')
  const address = host.includes('%') || more.length > 0 ? undefined : readAddress(host)
  if (address === undefined) return EXPECTED
  const written = isIPv4(host) ? 32 : 128
  if (length === undefined) return { ...address, prefix: address.bits }
  const said = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN
  if (!(said <= written)) return `the length behind / is 0 to ${written}; ${EXPECTED}`
  const prefix = said - (written - address.bits)
  if (prefix < 0) return `a mapped network has ${MAPPED_BITS} bits at least; write it as IPv4; ${EXPECTED}`
  const network = { ...address, prefix }
  const first = firstBits(network, address) << BigInt(address.bits - prefix)
  return first === address.value ? network : `it has bits behind its length; ${EXPECTED}`
}

const EXPECTED = 'expected a network or an address, such as 10.0.0.0/8, 192.0.2.7 or fd00::/8'

/** Whether an address is in one of some networks. What is no address is in none. */
export function isWithin(text: string | undefined, networks: readonly Network[]): boolean {
  const address = text === undefined ? undefined : readAddress(text)
  if (address === undefined) return false
  return networks.some(
    (network) => network.bits === address.bits && firstBits(network, address) === firstBits(network, network),
  )
}

/**
 * By what somebody is counted who comes from an address, however it is written. Of IPv6 the first 64 bits: whoever has
 * one address of a network has all of them. What is no address is itself.
 */
export function sourceOf(address: string): string {
  const read = readAddress(address)
  if (read === undefined) return address
  return read.bits === 32 ? `v4 ${read.value}` : `v6 ${read.value >> 64n}`
}

function firstBits({ bits, prefix }: Network, { value }: Address): bigint {
  return value >> BigInt(bits - prefix)
}

function readIPv4(text: string): bigint {
  return text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n)
}

/** Of what `isIPv6` took. */
function readIPv6(text: string): bigint {
  // The last 32 bits may be written as IPv4.
  const tail = /(?<=:)\d+\.\d+\.\d+\.\d+$/.exec(text)?.[0]
  const last = tail === undefined ? undefined : readIPv4(tail)
  const hex =
    last === undefined
      ? text
      : `${text.slice(0, -tail!.length)}${(last >> 16n).toString(16)}:${(last & 0xffffn).toString(16)}`
  const [front = '', back] = hex.split('::')
  const groupsOf = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const before = groupsOf(front)
  const after = groupsOf(back ?? '')
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}
