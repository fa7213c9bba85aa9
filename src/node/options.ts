/**
 * Everything a daemon is told when it starts; `althing up` fills it from flags, environment and file. What single
 * values look like is in `option-values.ts`.
 */
import type { Resources } from '../model/resources.ts'
import type { JwtIssuer, RemotePlace } from './api-options.ts'
import type { NodePaths } from './paths.ts'

/** From the most to the least that is logged. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
/** One of `LOG_LEVELS`. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** All optional but the paths; what is absent has the default that is named. */
export interface DaemonOptions {
  readonly paths: NodePaths
  /** Shown in lists; lower-case and dotted as a DNS name. @default the host name */
  readonly name?: string
  /** Whom to meet: mDNS tag, gossip topics and hello all carry it. @default 'default' */
  readonly cluster?: string
  /** Full multiaddrs to join by, `/p2p/` and peer id included; dialled for ever. */
  readonly join?: readonly string[]
  /** Multiaddrs to listen on. @default loopback and private addresses at `port` */
  readonly listen?: readonly string[]
  /** libp2p TCP port for the default `listen`; 0: any. @default 4100, or any when it is taken */
  readonly port?: number
  /** Listen and dial beyond private networks. @default false */
  readonly publicNetwork?: boolean
  /** @default true */
  readonly mdns?: boolean
  /** Look for members by the cluster's distributed hash table too. @default false */
  readonly dht?: boolean
  /** Relay for members that cannot be dialled. @default true, but false with `publicNetwork` */
  readonly relay?: boolean
  /** Run tasks of anyone. Shown in red everywhere. @default false */
  readonly open?: boolean
  /** Isolated tasks may use the network of this host. @default false */
  readonly isolatedNetwork?: boolean
  /** Peer ids whose tasks run here, added to the stored list. */
  readonly trust?: readonly string[]
  /** Added to the labels derived from the hardware. */
  readonly labels?: Readonly<Record<string, string>>
  /** Passports to publish beside the machine's own: YAML files. */
  readonly passportFiles?: readonly string[]
  /** Overrides what the hardware says can be offered. */
  readonly capacity?: Partial<Resources>
  /** Loopback HTTP for the page; `false` switches it off, port 0 takes any. @default 127.0.0.1:4180 */
  readonly page?: { readonly host: string; readonly port: number } | false
  /** The API for others, by TLS. @default not */
  readonly remote?: RemotePlace
  /** Whose JWTs the API takes beside tokens. @default nobody's */
  readonly jwt?: JwtIssuer
  /** Directory of the built page. */
  readonly webDir?: string
  /** Settings of this node, by key: see `model/settings.ts`. The cluster's go before them where it says so. */
  readonly settings?: Readonly<Record<string, string>>
  /** What the log does not leave out. @default 'info' */
  readonly logLevel?: LogLevel
}

export const DEFAULT_PORT = 4100
export const DEFAULT_PAGE = { host: '127.0.0.1', port: 4180 } as const
export const DEFAULT_CLUSTER = 'default'
