/** The machine's own passport: what this daemon tells the mesh of its host. */
import { hostname } from 'node:os'
import type { HardwareSummary } from '../model/hardware.ts'
import { API_VERSION, Passport } from '../model/passport.ts'
import type { Resources } from '../model/resources.ts'
import type { DaemonParts } from './daemon-state.ts'
import { VERSION } from './version.ts'

/** What goes into it. */
export interface OwnPassportFacts {
  readonly peerId: string
  readonly name: string
  readonly version: string
  readonly labels: Readonly<Record<string, string>>
  readonly hardware: HardwareSummary
  readonly capacity: Resources
  readonly drivers: readonly string[]
  readonly enforcement: { readonly cpu: string; readonly memory: string }
  /** What tasks can be isolated by. */
  readonly isolation?: string | undefined
  readonly addresses: readonly string[]
}

/** Most a passport names. Those by way of a relay are told whatever the others are: nothing else works. */
const MAX_ADDRESSES = 16

/** @throws ZodError when a fact does not fit the schema: a label that is none, for one */
export function ownPassport(facts: OwnPassportFacts): Passport {
  const { peerId, name, version, labels, hardware, capacity, drivers, enforcement, isolation, addresses } = facts
  return Passport.parse({
    apiVersion: API_VERSION,
    kind: 'NodePassport',
    metadata: { name, labels },
    spec: {
      type: 'machine',
      version,
      node: {
        ...{ peerId, hardware, capacity, drivers, addresses: someOf(addresses), version, enforcement },
        ...(isolation !== undefined && { isolation }),
      },
    },
  })
}

function someOf(addresses: readonly string[]): string[] {
  const relayed = addresses.filter((text) => text.includes('/p2p-circuit/')).slice(0, MAX_ADDRESSES / 2)
  const direct = addresses.filter((text) => !text.includes('/p2p-circuit/'))
  return [...direct.slice(0, MAX_ADDRESSES - relayed.length), ...relayed]
}

/** A host name as a passport's name: a lower-case DNS label or subdomain (RFC 1123). */
export function defaultNodeName(host = hostname()): string {
  const name = host
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 63)
  return name.replace(/[^a-z0-9]+$/, '') || 'node'
}

/** What this daemon tells of its machine now. @throws ZodError as `ownPassport` */
export function machinePassport({ mesh, name, driver, peer, machine }: DaemonParts): Passport {
  const { labels, capacity, drivers, isolation } = mesh.local
  return ownPassport({
    peerId: mesh.self,
    name,
    version: VERSION,
    labels,
    hardware: machine.hardware,
    capacity,
    drivers,
    enforcement: driver.enforcement(),
    isolation: isolation?.works === true ? isolation.by : undefined,
    addresses: peer.addresses(),
  })
}
