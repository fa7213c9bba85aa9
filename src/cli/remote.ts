/** The daemon of another machine, by TLS: where it is, the token to ask with, whom to believe, and what goes wrong. */
import { readFileSync, statSync } from 'node:fs'
import type { ClientRequest, RequestOptions } from 'node:http'
import { messageOf } from '../util/errors.ts'
import { CliError, usageError } from './errors.ts'
import { describeFileError } from './files.ts'
import { shownWord } from './terminal.ts'
import { daemonGone, type Transport } from './transport.ts'

/** As it was said, each with how the user said it. */
export interface RemoteWords {
  readonly api: string
  /** A file, or the token itself, which only the environment may have: what stands on a command line all can read. */
  readonly token: { readonly file: string } | { readonly text: string } | undefined
  /** PEM of who issued the daemon's certificate, when the machine does not know them. */
  readonly caFile: string | undefined
}

/** What a connection may take to be made. */
const CONNECT_MS = 10_000
/** Names of this machine, at which a daemon may be asked without TLS. */
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])$/

/** @throws CliError usage */
export function remoteTransport({ api, token, caFile }: RemoteWords): Transport {
  const url = readUrl(api)
  const text = readToken(token)
  const ca = caFile === undefined ? undefined : readCa(caFile)
  const isSecure = url.protocol === 'https:'
  // Asked for here, since few commands go over a network, and TLS costs all of them their start.
  const { Agent: AgentOf, request } = process.getBuiltinModule(isSecure ? 'node:https' : 'node:http')
  const { hostname, port } = url
  const headers = { host: url.host, authorization: `Bearer ${text}` }
  return {
    place: url.origin,
    fix: 'name the address of the daemon by --api, as `althing status` prints it there',
    agent: (options) => new AgentOf(options),
    request: (options) => {
      const target = {
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? (isSecure ? 443 : 80) : Number(port),
      }
      const secure = isSecure ? { ...(ca !== undefined && { ca }), minVersion: 'TLSv1.2' } : {}
      const all = { ...options, ...target, ...secure, headers: { ...options.headers, ...headers } }
      return inTime(request(all as RequestOptions), isSecure, url.origin)
    },
    explain: (error, sent) => (isReset(error) && isOpen(sent) ? daemonGone(error) : explain(error, url.origin)),
  }
}

function readUrl(api: string): URL {
  const shown = shownWord(api)
  const url = URL.parse(api)
  const expected = 'expected an address such as https://attic.example:4443'
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw usageError(`--api ${shown}: ${expected}`)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '' || url.pathname !== '/') {
    throw usageError(
      `--api: ${expected}, and nothing behind it`,
      'name the token by --token-file or ALTHING_TOKEN, never in an address: those are kept in histories and logs',
    )
  }
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw usageError(`--api ${shown}: without TLS the token could be read on the way; ${expected}`)
  }
  return url
}

function readToken(token: RemoteWords['token']): string {
  if (token === undefined) {
    throw usageError(
      '--api needs a token',
      'name a file with --token-file, or set ALTHING_TOKEN; `althing token create` on its host makes one',
    )
  }
  const text = 'file' in token ? readTokenFile(token.file) : token.text
  if (/^[\x21-\x7e]{1,8192}$/.test(text)) return text
  const where = 'file' in token ? `--token-file ${shownWord(token.file)}` : 'ALTHING_TOKEN'
  throw usageError(`${where}: expected one token, as \`althing token create\` prints it`)
}

function readTokenFile(path: string): string {
  const named = `--token-file ${shownWord(path)}`
  const text = readNamed(path, named).trim()
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) {
    throw usageError(
      `${named}: it is open to other users`,
      `chmod 600 ${shownWord(path)}, and revoke the token if someone may have read it`,
    )
  }
  return text
}

function readCa(path: string): string {
  const text = readNamed(path, `--ca ${shownWord(path)}`)
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw usageError(`--ca ${shownWord(path)}: expected a certificate in PEM, such as ./ca.pem`)
}

function readNamed(path: string, named: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw usageError(`${named}: ${describeFileError(error)}; expected a file that can be read`)
  }
}

/** Waits for the connection alone: an answer may take as long as a task. */
function inTime(sent: ClientRequest, isSecure: boolean, place: string): ClientRequest {
  sent.once('socket', (socket) => {
    const connected = isSecure ? 'secureConnect' : 'connect'
    if (!socket.connecting) return
    const patience = setTimeout(() => sent.destroy(silent(place)), CONNECT_MS)
    for (const event of [connected, 'close']) socket.once(event, () => clearTimeout(patience))
  })
  return sent
}

function silent(place: string): CliError {
  return new CliError('no-daemon', `${place} does not answer within ${CONNECT_MS / 1000} s`, { fix: CHECK_PLACE })
}

const CHECK_PLACE = 'check the address, and that the daemon there was started with --api-listen'
const NOT_BELIEVED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
])

/** The other side closed the connection. */
function isReset({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE'
}

/** The connection stood, with TLS if there is any: whoever is kept out is so before that. */
function isOpen({ socket }: ClientRequest): boolean {
  return socket !== null && (socket as { secureConnecting?: boolean }).secureConnecting !== true
}

/** What an error of the network or of TLS means; undefined for what is no such. */
function explain(error: NodeJS.ErrnoException, place: string): CliError | undefined {
  const { code = '' } = error
  const say = (word: string, text: string, fix: string) => new CliError(word, text, { cause: error, fix })
  if (NOT_BELIEVED.has(code))
    return say(
      'not-believed',
      `nobody this machine knows has issued the certificate of ${place}`,
      'name its issuer: --ca FILE',
    )
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return say('not-believed', `the certificate of ${place} is for another name`, 'ask by a name that is in it')
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return say('not-believed', `the certificate of ${place} is out of date, or this clock is`, 'renew it there')
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return say('no-daemon', `there is no host of the name in ${place}`, CHECK_PLACE)
  if (isReset(error) || code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return say(
      'no-daemon',
      `${place} ended the connection: ${messageOf(error)}`,
      `${CHECK_PLACE}, and with an --api-allow that has this machine`,
    )
  }
  if (error.syscall === undefined) return undefined
  return say('no-daemon', `cannot reach ${place}: ${messageOf(error)}`, CHECK_PLACE)
}
