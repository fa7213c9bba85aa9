/** HTTP for tests, by socket or port, with exactly the headers given. */
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as requestSecurely } from 'node:https'
import { text } from 'node:stream/consumers'

export interface Asked {
  readonly socketPath?: string
  readonly port?: number
  /** By TLS, trusting this certificate alone. */
  readonly ca?: string
  /** Address to connect from. @default as the system chooses */
  readonly localAddress?: string
  readonly method?: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON; throws when it is none. */
  json<Value = Record<string, unknown>>(): Value
}

/** Tests lie about whom they ask: that is for the server to find out. */
const checkServerIdentity = (): undefined => undefined

/** Sends a request and hands over the response as soon as its header is there. */
export function askStream(asked: Asked): Promise<IncomingMessage> {
  const { socketPath, port, ca, localAddress, method = 'GET', path, headers = {}, body } = asked
  return new Promise((resolve, reject) => {
    const target = socketPath === undefined ? { host: '127.0.0.1', port, localAddress } : { socketPath }
    const options = { ...target, method, path, headers, agent: false as const }
    const sent =
      ca === undefined ? request(options, resolve) : requestSecurely({ ...options, ca, checkServerIdentity }, resolve)
    sent.once('error', reject)
    sent.end(body)
  })
}

/** Sends a request and reads the whole answer. */
export async function ask(asked: Asked): Promise<Answer> {
  const response = await askStream(asked)
  const body = await text(response)
  return {
    status: response.statusCode!,
    headers: response.headers,
    text: body,
    json: <Value>() => JSON.parse(body) as Value,
  }
}
