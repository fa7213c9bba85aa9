/** Waiting with a deadline: a bench that hangs measures nothing. */
import { setTimeout as pause } from 'node:timers/promises'

/** Between two looks: short against what is measured, long against what a look costs the machine. */
const LOOK_MS = 2

/** Resolves as `promise` does. @throws Error when that takes longer than `ms` */
export async function deadline<Value>(promise: Promise<Value>, ms: number, what: string): Promise<Value> {
  const controller = new AbortController()
  const late = pause(ms, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`waited ${ms} ms for ${what}`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    controller.abort()
    late.catch(() => {})
  }
}

/** Looks until it is so, every `lookMs`. @throws Error when that takes longer than `ms`, with `context` */
export async function untilTrue(
  what: string,
  ms: number,
  look: () => Promise<boolean>,
  context: () => string = () => '',
  lookMs = LOOK_MS,
): Promise<void> {
  const giveUpAtMs = performance.now() + ms
  while (!(await look())) {
    if (performance.now() > giveUpAtMs) throw new Error(`waited ${ms} ms for ${what}\n${context()}`)
    await pause(lookMs)
  }
}
