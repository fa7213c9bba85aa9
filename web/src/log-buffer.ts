/**
 * Turns the chunks of a task's log into lines to show: bytes become text, escape sequences go,
 * progress bars show their last state, and stdout and stderr are kept apart while their lines are open.
 */
import type { LogLine } from '../../src/model/api.ts'

/** One line on the screen. A line changes while it is open: the same `key` comes again with more text. */
export interface ShownLine {
  readonly key: number
  readonly kind: 'stdout' | 'stderr' | 'note'
  readonly text: string
}

/** Longer lines are cut into several: one 16 MiB line would freeze the page. */
const MAX_LINE_CHARS = 4000

// CSI (colours, cursor), OSC (titles, links), other string sequences, charset choices and two-character
// escapes; then the control characters left, but for the tab. ECMA-48 names them.
const ESCAPES = new RegExp(
  [
    String.raw`\u001B\[[0-?]*[ -/]*[@-~]`,
    String.raw`\u001B[\]PX^_][^\u0007\u001B]*(?:\u0007|\u001B\\)?`,
    String.raw`\u001B[ -/]*[0-~]`,
    String.raw`[\u0000-\u0008\u000B-\u001F\u007F]`,
  ].join('|'),
  'g',
)

/** Text without terminal escape sequences and control characters. */
export function stripAnsi(text: string): string {
  return text.replace(ESCAPES, '')
}

/** What a terminal would still show of a line with carriage returns: what follows the last one that text follows. */
function lastFrame(text: string): string {
  return text.slice(text.replace(/\r+$/, '').lastIndexOf('\r') + 1)
}

interface OpenLine {
  key: number
  raw: string
  readonly decoder: InstanceType<typeof TextDecoder>
}

/** Collects chunks; `take()` hands out what changed since the last call. */
export class LogBuffer {
  #nextKey = 1
  #attempt = 0
  #open = new Map<'stdout' | 'stderr', OpenLine>()
  #changed = new Map<number, ShownLine>()
  #dropped = 0
  readonly #maxLines: number

  /** @param maxLines changed lines kept between two calls of `take()`: the newest */
  constructor(maxLines: number) {
    this.#maxLines = maxLines
  }

  /** Adds a chunk. A chunk of a new attempt closes the lines of the one before and says so. */
  add(chunk: Pick<LogLine, 'attempt' | 'stream' | 'data'>): void {
    if (chunk.attempt !== this.#attempt) {
      if (this.#attempt !== 0) this.note(`attempt ${chunk.attempt}`)
      this.#attempt = chunk.attempt
    }
    let open = this.#open.get(chunk.stream)
    if (open === undefined) {
      open = { key: 0, raw: '', decoder: new TextDecoder() }
      this.#open.set(chunk.stream, open)
    }
    const pieces = (open.raw + open.decoder.decode(fromBase64(chunk.data), { stream: true })).split('\n')
    const last = pieces.pop() ?? ''
    for (const piece of pieces) this.#emit(chunk.stream, open, piece, true)
    this.#emit(chunk.stream, open, last, false)
  }

  /** A line of the page's own, between the task's; what follows starts on a new line. */
  note(text: string): void {
    this.#open.clear()
    this.#change({ key: this.#nextKey++, kind: 'note', text })
  }

  /** How many lines were never handed out, because more came between two calls than are kept. */
  get dropped(): number {
    return this.#dropped
  }

  /** Lines that are new or changed since the last call, oldest first. */
  take(): ShownLine[] {
    const lines = [...this.#changed.values()]
    this.#changed = new Map()
    return lines
  }

  #emit(stream: 'stdout' | 'stderr', open: OpenLine, raw: string, closed: boolean): void {
    let rest = lastFrame(raw)
    while (rest.length > MAX_LINE_CHARS) {
      this.#show(stream, open, rest.slice(0, MAX_LINE_CHARS))
      open.key = 0
      rest = rest.slice(MAX_LINE_CHARS)
    }
    if (rest !== '' || closed) this.#show(stream, open, rest)
    open.raw = closed ? '' : rest
    if (closed) open.key = 0
  }

  #show(stream: 'stdout' | 'stderr', open: OpenLine, raw: string): void {
    if (open.key === 0) open.key = this.#nextKey++
    this.#change({ key: open.key, kind: stream, text: stripAnsi(raw) })
  }

  #change(line: ShownLine): void {
    this.#changed.set(line.key, line)
    if (this.#changed.size <= this.#maxLines) return
    const [oldest] = this.#changed.keys()
    if (oldest === undefined) return
    this.#changed.delete(oldest)
    this.#dropped++
  }
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index)
  return bytes
}
