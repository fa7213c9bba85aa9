/** Reads what a request brings, never more than the route allows. */
import type { IncomingMessage } from 'node:http'
import { PassThrough, type Readable } from 'node:stream'
import { ApiError, validationError } from './problem.ts'
import type { BodyRule } from './route.ts'

/** The body as the route wants it. @throws ApiError 400 (not JSON), 413, 422 (does not fit the schema) */
export async function readBody(request: IncomingMessage, rule: BodyRule | undefined): Promise<unknown> {
  if (rule === undefined) {
    request.resume()
    return undefined
  }
  if (rule.kind === 'stream') return bodyStream(request)
  const text = (await readBytes(request, rule.maxBytes)).toString('utf8')
  return rule.kind === 'text' ? text : parseBody(text, rule)
}

/** A body of JSON as its schema has it. @throws ApiError 400 (not JSON), 422 (does not fit the schema) */
export function parseBody(text: string, { schema }: Extract<BodyRule, { kind: 'json' }>): unknown {
  const parsed = schema.safeParse(parseJson(text))
  if (!parsed.success) throw validationError(422, 'the request body', parsed.error)
  return parsed.data
}

/**
 * The body as a stream of its own: whoever reads it may destroy it without cutting the connection
 * the answer has to go out on. A client that goes destroys it with an error.
 */
function bodyStream(request: IncomingMessage): Readable {
  const body = new PassThrough()
  request.pipe(body)
  request.once('error', () => body.destroy(cutOff()))
  request.once('close', () => {
    if (!request.complete) body.destroy(cutOff())
  })
  // What comes after the reader gave up is thrown away, so that the client gets to read the answer.
  body.once('close', () => request.resume())
  // Without a listener a destroyed body would take the process down with it.
  body.on('error', () => {})
  return body
}

function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = (): ApiError => new ApiError(413, 'too-large', `the body is larger than ${maxBytes / 1024} KiB`)
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge())
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let size = 0
  // By its events, which is a tenth of a millisecond quicker than `for await`: the start of a task waits for it.
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= maxBytes) return chunks.push(chunk)
    // Of the rest nothing is kept; the answer still has to go out by this connection.
    chunks.length = 0
    return reject(tooLarge())
  })
  request.once('end', () => resolve(Buffer.concat(chunks)))
  request.once('error', () => reject(cutOff()))
  request.once('close', () => reject(cutOff()))
  // One that was cut off before says nothing any more.
  if (request.destroyed) reject(cutOff())
  return promise
}

function cutOff(): ApiError {
  return new ApiError(400, 'cut-off', 'the request ended before its body did')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ApiError(400, 'bad-json', `the request body is not JSON: ${(error as Error).message}`)
  }
}
