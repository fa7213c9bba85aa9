/** Streams of JSON lines: one value a line, as fast as the client reads and not faster. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

export const NDJSON_TYPE = 'application/x-ndjson'

/**
 * Writes each value as a line until there are no more, or the signal fires because the client has gone.
 * A source that breaks cuts the connection, since the status line can no longer say so: the client
 * then sees an incomplete answer, not a short one.
 * @throws what the source throws, after the connection was cut
 */
export async function streamNdjson(
  response: ServerResponse,
  values: AsyncIterable<unknown>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': NDJSON_TYPE })
  // The client learns that its request was understood even when no line comes for hours.
  response.flushHeaders()
  try {
    for await (const value of values) {
      if (signal.aborted) return
      if (!response.write(`${JSON.stringify(value)}\n`)) await drained(response, signal)
    }
    response.end()
  } catch (error) {
    response.destroy()
    if (!signal.aborted) throw error
  }
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(response, 'drain', { signal })
}
