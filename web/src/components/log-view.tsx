/**
 * The live log of a task. Lines are put into the page by hand, many at a time: drawing some
 * thousand of them anew for each chunk would cost more than the task that wrote them.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, followLog } from '../api.ts'
import { formatCount } from '../format.ts'
import { LogBuffer, type ShownLine } from '../log-buffer.ts'
import { awake } from '../store.ts'

/** Lines kept in the page; older ones go, and `althing logs` still has them. */
const MAX_LINES = 5_000
/** This close to the end counts as at the end. */
const NEAR_END_PX = 32
/** Between two tries to read a log that broke off; grows with each. */
const RETRY_MS = 1_000
const RETRY_MAX_MS = 15_000

/** Of the time, at most a quarter goes into showing lines: a slower machine shows them in larger batches. */
const PAINT_SHARE = 4
const PAINT_MIN_MS = 16
const PAINT_MAX_MS = 1_000

const STREAMS = ['both', 'stdout', 'stderr'] as const
type Phase = 'waiting' | 'live' | 'ended' | 'broken' | 'gone'
const PHASES: Record<Phase, string> = {
  waiting: 'Waiting for output…',
  live: 'Live',
  ended: 'Complete',
  broken: 'Interrupted, trying again…',
  gone: 'Not available',
}

/** Puts lines into `list`: a known one is changed, a new one appended, the oldest beyond the cap removed. */
class LinePainter {
  readonly #list: HTMLElement
  readonly #elements = new Map<number, HTMLElement>()
  dropped = 0

  constructor(list: HTMLElement) {
    this.#list = list
  }

  clear(): void {
    this.#list.replaceChildren()
    this.#elements.clear()
    this.dropped = 0
  }

  paint(lines: readonly ShownLine[]): void {
    const fresh = document.createDocumentFragment()
    for (const line of lines) {
      const known = this.#elements.get(line.key)
      const element = known ?? document.createElement('div')
      element.textContent = line.text
      if (known !== undefined) continue
      element.className = `log-line ${line.kind}`
      this.#elements.set(line.key, element)
      fresh.append(element)
    }
    this.#list.append(fresh)
    for (const [key, element] of this.#elements) {
      if (this.#elements.size <= MAX_LINES) break
      element.remove()
      this.#elements.delete(key)
      this.dropped++
    }
  }
}

interface Watcher {
  phase(phase: Phase, detail?: string): void
  /** @param dropped lines that are not in the page any more */
  painted(dropped: number): void
}

/** Follows the log until it ends; after a break from its beginning again, in place of what was shown. */
async function follow(taskId: string, signal: AbortSignal, painter: LinePainter, on: Watcher): Promise<void> {
  for (let failures = 1; !signal.aborted; failures++) {
    const buffer = new LogBuffer(MAX_LINES)
    let timer: ReturnType<typeof setTimeout> | undefined
    let pauseMs = PAINT_MIN_MS
    let begun = false
    const paint = () => {
      const startedAt = performance.now()
      timer = undefined
      if (!begun) painter.clear()
      begun = true
      painter.paint(buffer.take())
      on.painted(painter.dropped + buffer.dropped)
      pauseMs = Math.min(PAINT_MAX_MS, Math.max(PAINT_MIN_MS, (performance.now() - startedAt) * (PAINT_SHARE - 1)))
    }
    try {
      on.phase('waiting')
      for await (const chunk of followLog(taskId, signal)) {
        buffer.add(chunk)
        if (timer !== undefined) continue
        timer = setTimeout(paint, pauseMs)
        on.phase('live')
      }
      clearTimeout(timer)
      paint()
      return on.phase('ended')
    } catch (error) {
      clearTimeout(timer)
      if (signal.aborted) return
      if (error instanceof ApiError && error.status < 500) {
        // What came before the log broke off is worth reading.
        if (begun || timer !== undefined) paint()
        return on.phase('gone', error.message)
      }
      on.phase('broken')
      await new Promise((resolve) => setTimeout(resolve, Math.min(RETRY_MAX_MS, RETRY_MS * failures)))
    }
  }
}

export function LogView({ taskId }: { readonly taskId: string }) {
  const box = useRef<HTMLDivElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const following = useRef(true)
  const [paused, setPaused] = useState(false)
  const [phase, setPhase] = useState<Phase>('waiting')
  const [detail, setDetail] = useState<string>()
  const [dropped, setDropped] = useState(0)
  const [empty, setEmpty] = useState(true)
  const [stream, setStream] = useState<(typeof STREAMS)[number]>('both')

  const toEnd = () => {
    following.current = true
    setPaused(false)
    if (box.current !== null) box.current.scrollTop = box.current.scrollHeight
  }

  const open = awake.value
  useEffect(() => {
    if (list.current === null || !open) return undefined
    const stopping = new AbortController()
    const painter = new LinePainter(list.current)
    const painted = (without: number) => {
      setDropped(without)
      setEmpty(list.current?.firstChild === null)
      if (following.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight
    }
    const onPhase = (now: Phase, why?: string) => {
      setPhase(now)
      setDetail(why)
    }
    void follow(taskId, stopping.signal, painter, { phase: onPhase, painted })
    return () => stopping.abort()
  }, [taskId, open])

  // The reader scrolls up: the log stands still until they are back at its end.
  const onScroll = () => {
    const { current } = box
    if (current === null) return
    following.current = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR_END_PX
    setPaused(!following.current)
  }

  return (
    <section class="panel log" aria-label="Log">
      <header>
        <h2>Log</h2>
        <span class={`log-phase ${phase}`} role="status">
          {PHASES[phase]}
        </span>
        <div class="segments" role="group" aria-label="Streams shown">
          {STREAMS.map((name) => (
            <button key={name} type="button" aria-pressed={stream === name} onClick={() => setStream(name)}>
              {name}
            </button>
          ))}
        </div>
      </header>
      <div class="log-frame">
        <div
          ref={box}
          class="log-box"
          tabIndex={0}
          role="region"
          aria-label="Log output"
          data-stream={stream}
          onScroll={onScroll}
        >
          {dropped > 0 && (
            <p class="log-dropped">
              {formatCount(dropped)} older lines are not shown. All of it: althing logs {taskId}
            </p>
          )}
          <div ref={list} class="log-lines" />
          {empty && phase === 'waiting' && <p class="log-dropped">Nothing yet: the log begins when the task does.</p>}
          {empty && phase === 'ended' && <p class="log-dropped">The task wrote nothing.</p>}
          {phase === 'gone' && <p class="log-dropped">{detail}</p>}
        </div>
        {paused && (
          <button type="button" class="button to-end" onClick={toEnd}>
            {phase === 'ended' ? 'To the end' : 'Follow'} ↓
          </button>
        )}
      </div>
    </section>
  )
}
