/** What a peer tells of itself once it is connected (libp2p's identify). */
import type { Connection } from '@libp2p/interface'
import { CONTROL_PROTOCOL } from '../wire/protocols.ts'
import type { AddressBook } from './address-book.ts'
import { isLoopbackAddress, parseTcpAddress } from './addresses.ts'

/** The part of identify's answer that is used. */
export interface Identified {
  peerId: { toString(): string }
  protocols: string[]
  listenAddrs: { toString(): string }[]
  connection: Connection
}

/** Notes the listen addresses of a peer that speaks Althing. @param own addresses of this peer */
export function learnIdentified(book: AddressBook, detail: Identified, own: readonly string[]): void {
  if (!detail.protocols.includes(CONTROL_PROTOCOL)) return
  const addresses = detail.listenAddrs.map((address) => address.toString())
  const remote = parseTcpAddress(detail.connection.remoteAddr.toString())
  // Loopback addresses mean this machine only when the peer is on it.
  const local = remote !== undefined && own.some((address) => parseTcpAddress(address)?.host === remote.host)
  book.learn(detail.peerId.toString(), local ? addresses : addresses.filter((text) => !isLoopbackAddress(text)))
}
