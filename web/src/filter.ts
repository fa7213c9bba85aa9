/** What the filter boxes understand. Pure, so that it is tested without a browser. */
import type { NodeView, TaskView } from '../../src/model/api.ts'

type NodeTest = (node: NodeView, text: string) => boolean

function parseTerm(term: string): NodeTest {
  if (term.startsWith('!') && term.length > 1) return (node) => node.labels[term.slice(1)] === undefined
  const match = /^([^=!]+)(!?=)=?(.*)$/.exec(term)
  if (match !== null) {
    const [, key = '', operator, value = ''] = match
    return (node) => (node.labels[key] === value) === (operator === '=')
  }
  return (_node, text) => text.includes(term.toLowerCase())
}

/** All that a plain word is looked for in. */
function textOf(node: NodeView): string {
  const labels = Object.entries(node.labels).map(([key, value]) => `${key}=${value}`)
  return [
    node.name,
    node.peerId,
    node.state,
    node.cordon?.state ?? '',
    cpuModel(node) ?? '',
    ...labels,
    ...node.capabilities,
  ]
    .join('\n')
    .toLowerCase()
}

/**
 * A test for nodes. Terms are parted by spaces or commas and must all hold: `key=value`, `key!=value` and
 * `!key` ask the labels, as in `althing nodes -l`; any other word is looked for in the name, peer id,
 * state, CPU model, labels and capabilities.
 */
export function nodeFilter(query: string): (node: NodeView) => boolean {
  const tests = query
    .split(/[\s,]+/)
    .filter((term) => term !== '')
    .map(parseTerm)
  return (node) => {
    const text = tests.length === 0 ? '' : textOf(node)
    return tests.every((test) => test(node, text))
  }
}

/** Groups of states people look for; `all` is every task. */
export const TASK_FILTERS = {
  all: undefined,
  waiting: ['queued', 'awarded'],
  running: ['running'],
  succeeded: ['succeeded'],
  failed: ['failed', 'timed-out'],
  cancelled: ['cancelled'],
} as const satisfies Record<string, readonly TaskView['state'][] | undefined>
export type TaskFilter = keyof typeof TASK_FILTERS

/** True when a task's state belongs to the filter. */
export function matchesTask(filter: TaskFilter, state: TaskView['state']): boolean {
  const states: readonly string[] | undefined = TASK_FILTERS[filter]
  return states === undefined || states.includes(state)
}

/** The model of the node's CPU, when its passport names one. */
export function cpuModel(node: NodeView): string | undefined {
  const { hardware } = node
  if (typeof hardware !== 'object' || hardware === null || !('cpu' in hardware)) return undefined
  const { cpu } = hardware
  if (typeof cpu !== 'object' || cpu === null || !('model' in cpu)) return undefined
  return typeof cpu.model === 'string' ? cpu.model : undefined
}

/** A CPU's model without the maker's decoration: `Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz` → `Xeon E5-2680 v4`. */
export function shortCpuModel(model: string): string {
  const short = model
    .replaceAll(/\((?:R|TM|tm|C)\)/g, '')
    .replace(/@.*$/, '')
    .replaceAll(/\b(?:Intel|AMD|Apple|CPU|Processor|\d+-Core)\b/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  if (short === '') return model
  // A name without a number tells little: then the clock may stay.
  const clock = /@ ?([\d.]+ ?GHz)/.exec(model)?.[1]
  return /\d/.test(short) || clock === undefined ? short : `${short} ${clock}`
}

/** The zone a node says it is in: Kubernetes' well-known label, or plain `zone`. */
export function zoneOf(node: NodeView): string | undefined {
  return node.labels['topology.kubernetes.io/zone'] ?? node.labels['zone']
}
