/**
 * Byte streams cut into what they carry: lines of NDJSON, events of server-sent events.
 *
 * The page cannot use `EventSource`, which sends no `Authorization` header, so it reads both through `fetch`.
 */

/** A line longer than this is no line of ours; the stream is given up rather than memory. */
const MAX_LINE_CHARS = 4 * 1024 * 1024

/** Splits UTF-8 into lines ended by LF, CRLF or CR; the ends are dropped. A last line without an end is kept. */
export async function* readLines(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      rest += value
      // A CR at the very end may be half of a CRLF: it waits for the next chunk.
      const lines = rest.split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop() ?? ''
      if (rest.length > MAX_LINE_CHARS) throw new Error('a line of the stream is longer than 4 MiB')
      yield* lines
    }
    if (rest !== '') yield rest.replace(/\r$/, '')
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** One server-sent event, fields joined as the standard says. */
export interface SseEvent {
  /** The last `id:` seen so far, also from earlier events. */
  readonly id: string
  readonly event: string
  readonly data: string
}

/**
 * Parses server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
 * Comments are skipped, `retry:` is ignored (the page has its own backoff), an event without data is dropped.
 */
export async function* readEvents(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<SseEvent> {
  let id = ''
  let event = ''
  let data: string[] = []
  for await (const line of readLines(body)) {
    if (line === '') {
      if (data.length > 0) yield { id, event: event || 'message', data: data.join('\n') }
      event = ''
      data = []
      continue
    }
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') data.push(value)
    else if (field === 'event') event = value
    else if (field === 'id' && !value.includes('\0')) id = value
  }
}
