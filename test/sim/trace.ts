/** The last things that happened, kept cheaply and written out only when somebody reads them. */
import type { MeshEffect, MeshInput } from '../../src/mesh/types.ts'
import type { ControlMessage } from '../../src/model/control.ts'

type What = { readonly input: MeshInput } | { readonly effect: MeshEffect } | { readonly note: string }

interface Event {
  readonly atMs: number
  readonly node: string
  readonly what: What
}

export class Trace {
  readonly #kept: number
  readonly #startMs: number
  readonly #events: Event[] = []

  /** @param kept how many events are remembered; Infinity for all */
  constructor(startMs: number, kept: number) {
    this.#startMs = startMs
    this.#kept = kept
  }

  add(atMs: number, node: string, what: What): void {
    this.#events.push({ atMs, node, what })
    // Trimmed in bulk: shifting at every event would be its whole cost.
    if (this.#events.length > 2 * this.#kept) this.#events.splice(0, this.#events.length - this.#kept)
  }

  /** One line an event, oldest first; heartbeats and sync are left out. */
  lines(): string[] {
    const lines: string[] = []
    for (const { atMs, node, what } of this.#events.slice(Number.isFinite(this.#kept) ? -this.#kept : 0)) {
      const text = describe(what)
      if (text !== undefined)
        lines.push(`${((atMs - this.#startMs) / 1000).toFixed(3).padStart(8)} ${node.slice(-8).padEnd(4)} ${text}`)
    }
    return lines
  }
}

function describe(what: What): string | undefined {
  if ('note' in what) return `*** ${what.note}`
  return 'input' in what ? describeInput(what.input) : describeEffect(what.effect)
}

function describeInput(input: MeshInput): string | undefined {
  switch (input.type) {
    case 'message':
      return isBackground(input.message) ? undefined : `← ${input.from.slice(-8)} ${describeMessage(input.message)}`
    case 'submit':
      return `submit ${input.jobId} ×${input.count} ${brief(input.spec.resources)} ${input.spec.command.join(' ')}`
    case 'cancel':
      return `cancel ${input.taskId}`
    case 'run-started':
      return `run-started ${input.runId}`
    case 'run-ended':
      return `run-ended ${input.runId} ${brief(input.exit)}`
    case 'peer-up':
    case 'peer-down':
      return `${input.type} ${input.peer.slice(-8)}`
    case 'unreachable':
      return `unreachable ${input.node.slice(-8)}`
    case 'adopted':
      return `adopted ${[...input.runIds].join(' ')}`
    case 'start':
    case 'epoch':
      return `${input.type} epoch ${input.epoch}`
    case 'output-fetched':
      return `output-fetched ${input.taskId} ${input.ok}`
    default:
      return undefined
  }
}

function describeEffect(effect: MeshEffect): string | undefined {
  switch (effect.type) {
    case 'send':
      return isBackground(effect.message) ? undefined : `→ ${effect.to.slice(-8)} ${describeMessage(effect.message)}`
    case 'start':
      return `start ${effect.contract.runId}`
    case 'stop':
      return `stop ${effect.runId} (${effect.why})`
    case 'emit':
      return effect.event.type === 'task' ? `task ${effect.event.taskId} ${effect.event.state}` : undefined
    case 'fetch-output':
      return `fetch-output ${effect.runId} from ${effect.node.slice(-8)}`
    case 'raise-epoch':
      return `raise-epoch above ${effect.atLeast}`
    default:
      return undefined
  }
}

function isBackground({ t: type }: ControlMessage): boolean {
  return type === 'hello' || type.startsWith('sync-')
}

const LONGEST = 220

function describeMessage({ t: type, body }: ControlMessage): string {
  const { spec: _spec, terms: _terms, ...rest } = body as Record<string, unknown>
  return `${type} ${brief(rest)}`
}

function brief(value: unknown): string {
  const text = JSON.stringify(value).replaceAll('"', '')
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}
