/** What a client is told whose bytes are no request: Node hands them over before there is a request to answer. */
import { maxHeaderSize } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError, PROBLEM_TYPE, problemOf } from './problem.ts'

/** The errors of Node's HTTP parser and of its timers. */
interface ParseError extends Error {
  readonly code?: string
  /** The parser's own words. */
  readonly reason?: string
}

/**
 * Answers with a problem, and closes the connection: where the next request would begin is not known.
 * @param midAnswer part of an answer is out already; more words would be read as part of it
 */
export function refuseBytes(
  error: ParseError,
  socket: Duplex,
  midAnswer: boolean,
  headers: readonly (readonly [string, string])[],
): void {
  const refusal = refusalOf(error)
  if (refusal === undefined || midAnswer || !socket.writable) {
    socket.destroy()
    return
  }
  const { problem } = problemOf(refusal)
  const body = JSON.stringify(problem)
  const lines = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    ...[...headers, ['content-type', PROBLEM_TYPE] as const].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ]
  // Destroyed once it is out: a client that does not close its side would keep one of the connections there are.
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

/** What to say; nothing to a client that is gone. */
function refusalOf({ code = '', reason, message }: ParseError): ApiError | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new ApiError(408, 'too-slow', 'the request did not come in time')
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ApiError(431, 'headers-too-large', `the header lines are larger than ${maxHeaderSize / 1024} KiB`)
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return new ApiError(413, 'too-large', 'the chunks of the body have too many extensions')
  }
  if (!code.startsWith('HPE_')) return undefined
  return new ApiError(400, 'bad-request', `this is no HTTP request: ${reason ?? message}`, {
    fix: 'speak HTTP/1.1, without TLS',
  })
}
