/** Runs one seed of faults and says what came of it. */
import type { TopologyEffect } from '../../../src/topology/types.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { Violation } from './checker.ts'
import { allCheckers } from './checkers/all.ts'
import { drawFaults, healAll, plantFalseErrands } from './faults.ts'
import { World } from './world.ts'

export interface MembershipResult {
  readonly seed: number
  readonly ok: boolean
  /** The rule that was broken, or `core` when the core threw. */
  readonly broken?: string
  readonly problem?: string
  readonly size: number
  readonly steps: number
  readonly faults: readonly string[]
  /** What nodes decided, in order, the last of it. */
  readonly trace: readonly string[]
}

const CALM_MS = 15_000
const FAULTS_MS = 60_000
const SETTLE_MS = 75_000
const TRACE_KEPT = 200

/** Runs a seed from its beginning to its end, or to the first broken rule. */
export function simulateMembership(seed: number, traceKept = TRACE_KEPT): MembershipResult {
  const rng = seededRng(seed + 500_000)
  const { gentle, palette } = drawFaults(rng)
  const size = rng.pick([2, 3, 4, 5, 8, 12, 20, 32])
  const perHost = rng.pick([1, 1, 1, 2, 4])
  const farMs = rng.pick([1, 20, 60])
  const world = new World({ seed, size, perHost, farMs, checkers: allCheckers(), gentle })
  const faults: string[] = [`${size} members, ${perHost} a machine, ${gentle ? 'gentle' : 'rough'}`]
  const trace: string[] = []
  const note = (text: string): void => {
    trace.push(`${(world.nowMs / 1000).toFixed(3).padStart(8)} ${text}`)
    if (trace.length > traceKept) trace.shift()
  }
  world.onEffect = (node, effect) => {
    const text = describe(world, effect)
    if (text !== undefined) note(`${String(node.index).padStart(3)} ${text}`)
  }
  const strikeSoon = (): void => {
    world.events.after(500 + rng.next() * 6_000, () => {
      if (world.nowMs >= CALM_MS + FAULTS_MS) return
      const fault = rng.pick(palette)
      world.faultsMs = [world.nowMs, world.faultsMs[0]]
      const text = `FAULT ${fault.name}: ${fault.strike(world, rng)}`
      faults.push(text)
      note(text)
      strikeSoon()
    })
  }
  const result = (rest: Pick<MembershipResult, 'ok' | 'broken' | 'problem'>): MembershipResult => ({
    seed,
    size,
    steps: world.steps,
    faults,
    trace,
    ...rest,
  })
  try {
    world.events.runUntil(CALM_MS)
    const lie = plantFalseErrands(world, rng)
    if (lie !== undefined) {
      faults.push(lie)
      note(lie)
    }
    strikeSoon()
    world.events.runUntil(CALM_MS + FAULTS_MS)
    healAll(world)
    note('all heals')
    world.events.runUntil(CALM_MS + FAULTS_MS + SETTLE_MS)
    for (const checker of world.checkers) checker.end?.(world)
    return result({ ok: true })
  } catch (error) {
    const at = `at ${Math.round(world.nowMs)} ms: `
    if (error instanceof Violation) return result({ ok: false, broken: error.checker, problem: at + error.message })
    return result({ ok: false, broken: 'core', problem: at + String((error as Error).stack) })
  }
}

function describe(world: World, effect: TopologyEffect): string | undefined {
  switch (effect.type) {
    case 'verdict':
      return `holds ${world.indexOf(effect.id)} ${effect.verdict}: ${effect.why}`
    case 'testify': {
      const { subject, says, incarnation } = effect.testimony
      return `says of ${world.indexOf(subject)}: ${says} (${incarnation})`
    }
    case 'refute':
      return `refutes with ${effect.own.incarnation}`
    case 'brake':
      return `brake ${effect.on ? 'on' : 'off'}, ${effect.lost} of ${effect.members}`
    default:
      return undefined
  }
}
