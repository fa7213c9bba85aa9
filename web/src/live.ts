/**
 * Keeps the page up to date: the event stream with its reconnecting, the slow refresh of what changes
 * without events, and the clock that lets ages tick.
 */
import { ApiError, followEvents } from './api.ts'
import { awake, connection, lost, noteEvent, noteFailure, nowMs, refreshAll, refreshNodes, trouble } from './store.ts'

/** Loads and heartbeat ages are read again this often while the page is visible. */
const REFRESH_MS = 5_000
const TICK_MS = 1_000
const BACKOFF_MIN_MS = 400
const BACKOFF_MAX_MS = 8_000

/** Hidden for so long, the page lets go of its streams. */
const SLEEP_AFTER_MS = 20_000

/** Keeps `awake` true while somebody may be looking. Called once. */
export function watchVisibility(): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer)
    if (document.hidden) {
      timer = setTimeout(() => (awake.value = false), SLEEP_AFTER_MS)
      return
    }
    awake.value = true
    // Timers of hidden pages are slowed down or stopped: catch up at once.
    nowMs.value = Date.now()
    if (connection.value === 'live') refreshNodes()
  })
}

/** Starts to follow the daemon. @returns what ends it */
export function goLive(): () => void {
  const ending = new AbortController()
  const tick = setInterval(() => {
    if (!document.hidden) nowMs.value = Date.now()
  }, TICK_MS)
  const slow = setInterval(() => {
    if (!document.hidden && connection.value === 'live') refreshNodes()
  }, REFRESH_MS)
  void follow(ending.signal)
  return () => {
    ending.abort()
    clearInterval(tick)
    clearInterval(slow)
  }
}

async function follow(ending: AbortSignal): Promise<void> {
  let lastId = ''
  let failures = 0
  connection.value = 'connecting'
  // Ended by a refused token as well: the page then asks for another.
  while (!ending.aborted) {
    try {
      const onOpen = () => {
        failures = 0
        connection.value = 'live'
        trouble.value = undefined
        lost.value = undefined
        // Whatever happened in between, and also when the daemon is another one than before.
        refreshAll()
      }
      let ended: string | undefined = 'the daemon closed the connection'
      for await (const event of followEvents(lastId, ending, onOpen)) {
        lastId = String(event.id)
        noteEvent(event)
        // The daemon may have left this cluster, and its stream would stay silent for ever: it is asked for again.
        if (event.type !== 'reset') continue
        ended = undefined
        break
      }
      trouble.value = ended
    } catch (error) {
      if (ending.aborted) return
      noteFailure(error)
      if (error instanceof ApiError && error.status === 401) return
      if (error instanceof TypeError) trouble.value = 'the daemon does not answer'
    }
    connection.value = 'reconnecting'
    await pause(backoffMs(failures++), ending)
  }
}

/** Doubles, with half of it random, so that many pages do not come back in step. */
function backoffMs(failures: number): number {
  const whole = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(failures, 10))
  return whole / 2 + (Math.random() * whole) / 2
}

async function pause(ms: number, ending: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer)
      ending.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    ending.addEventListener('abort', end)
  })
}
