/** What somebody writes who wants the way to a host examined. */

/** Where to dial. `host` may be a name. */
export interface Place {
  readonly host: string
  readonly port: number
  /** Who is to answer there, if that was said. */
  readonly peer: string | undefined
}

/** The port of a daemon that was not told another. */
export const USUAL_PORT = 4100

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/
const IPV6 = /^[0-9A-Fa-f:.]{2,45}$/

/**
 * Reads `/ip4/10.0.0.5/tcp/4100/p2p/12D3KooW…` (also ip6, dns, dns4, dns6), `10.0.0.5:4100`, `[fd00::5]:4100`,
 * `host.lan:4100`, and any of these without a port, which is 4100 then.
 * @returns undefined for what is none of these
 */
export function readPlace(text: string): Place | undefined {
  if (text.startsWith('/')) return readMultiaddr(text)
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text)
  if (bracketed !== null) return placeOf(bracketed[1]!, bracketed[2], IPV6)
  if (text.split(':').length > 2) return placeOf(text, undefined, IPV6)
  const [host = '', port] = text.split(':')
  return placeOf(host, port, HOST_NAME)
}

function readMultiaddr(text: string): Place | undefined {
  const [, family = '', host = '', tcp, port, p2p, peer, ...more] = text.split('/')
  if (tcp !== 'tcp' || more.length > 0 || port === undefined) return undefined
  if (p2p !== undefined && (p2p !== 'p2p' || peer === undefined || peer === '')) return undefined
  if (!['ip4', 'ip6', 'dns', 'dns4', 'dns6'].includes(family)) return undefined
  return placeOf(host, port, family === 'ip6' ? IPV6 : HOST_NAME, peer)
}

function placeOf(host: string, port: string | undefined, shape: RegExp, peer?: string): Place | undefined {
  const number = port === undefined ? USUAL_PORT : Number(port)
  if (!shape.test(host) || !/^\d{1,5}$/.test(port ?? '0') || number < 1 || number > 65_535) return undefined
  return { host, port: number, peer }
}

/** The multiaddr of a place whose host is an IP address. */
export function multiaddrOf({ host, port }: { readonly host: string; readonly port: number }, peer?: string): string {
  const family = host.includes(':') ? 'ip6' : 'ip4'
  return `/${family}/${host}/tcp/${port}${peer === undefined ? '' : `/p2p/${peer}`}`
}
