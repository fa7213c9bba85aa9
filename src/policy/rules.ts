/** The kinds of rule that need no language, and how each is judged. */
import { readDurationMs } from '../model/duration.ts'
import type { PolicyRule } from '../model/policy.ts'
import { formatBytes, formatCpu, parseBytes, parseCpuMilli } from '../model/quantity.ts'
import { describeSelector, matchesSelector, parseSelector } from '../model/selector.ts'
import { showValue } from './show.ts'
import type { Facts } from './types.ts'

/** What a rule finds: how many of the same it lets in (below one: none), and by what. */
export interface Measure {
  readonly room: number
  readonly saw: () => string
}

/** A rule in a line, and its judge. */
export interface PlainRule {
  readonly wanted: string
  /** What it refuses now it may allow later. */
  readonly temporary: boolean
  measure(facts: Facts): Measure
}

/** The rule, if it is one without an expression of its own. Its values have been checked with its shape. */
export function plainRule(rule: PolicyRule): PlainRule | undefined {
  if (rule.drivers) return driversRule(rule.drivers)
  if (rule.commands) return commandsRule(rule.commands)
  if (rule.caps) return fromBounds(capsOf(rule.caps), false)
  if (rule.quota) return fromBounds(quotaOf(rule.quota), true)
  if (rule.placement !== undefined) return placementRule(rule.placement)
  if (rule.leaving) return fromBounds(leavingOf(rule.leaving), false)
  return undefined
}

const roomIf = (holds: boolean): number => (holds ? Infinity : 0)

function driversRule(drivers: readonly string[]): PlainRule {
  return {
    wanted: `driver ${drivers.join(' or ')}`,
    temporary: false,
    measure: ({ task: { driver } }) => ({
      room: roomIf(drivers.includes(driver)),
      saw: () => `task.driver = ${showValue(driver)}`,
    }),
  }
}

function commandsRule(commands: readonly string[]): PlainRule {
  const words = new Set(commands)
  const beginnings = commands.flatMap((word) => (word.endsWith('*') ? [word.slice(0, -1)] : []))
  return {
    wanted: `command ${commands.join(' or ')}`,
    temporary: false,
    measure({ task }) {
      const [first = ''] = task.command
      const fits = words.has(first) || beginnings.some((beginning) => first.startsWith(beginning))
      return { room: roomIf(fits), saw: () => `task.command.0 = ${showValue(first)}` }
    },
  }
}

function placementRule(text: string): PlainRule {
  const selector = parseSelector(text)
  return {
    wanted: `a node with ${describeSelector(selector).join(',')}`,
    temporary: false,
    measure: ({ node: { labels } }) => ({
      room: roomIf(matchesSelector(selector, labels)),
      saw: () =>
        selector
          .map(({ key }) => `${key} = ${showValue(Object.hasOwn(labels, key) ? labels[key] : undefined)}`)
          .join(', '),
    }),
  }
}

/** One of several bounds that a rule sets. */
interface Bound {
  readonly wanted: string
  at(facts: Facts): Measure
}

/** The bound with least room speaks for the rule. */
function fromBounds(bounds: readonly Bound[], temporary: boolean): PlainRule {
  return {
    wanted: bounds.map(({ wanted }) => wanted).join(', '),
    temporary,
    measure: (facts) => bounds.map(({ at }) => at(facts)).reduce((a, b) => (b.room < a.room ? b : a)),
  }
}

function capsOf({ cpu, memory, time }: NonNullable<PolicyRule['caps']>): Bound[] {
  const bounds: Bound[] = []
  const cap = (name: string, most: number, show: (value: number) => string, of: (task: Facts['task']) => number) => {
    const at = ({ task }: Facts): Measure => ({
      room: roomIf(of(task) <= most),
      saw: () => `${name} ${show(of(task))}`,
    })
    bounds.push({ wanted: `${name} at most ${show(most)}`, at })
  }
  if (cpu !== undefined) {
    cap('CPU', parseCpuMilli(String(cpu)), formatCpu, (task) =>
      Math.max(task.resources.cpuMilli, task.limits.cpuMilli ?? 0),
    )
  }
  if (memory !== undefined) {
    const most = parseBytes(String(memory))
    cap('memory', most, formatBytes, (task) => Math.max(task.resources.memoryBytes, task.limits.memoryBytes ?? 0))
  }
  if (time !== undefined) cap('time', readDurationMs(time)!, showSeconds, (task) => task.timeoutMs)
  return bounds
}

function showSeconds(ms: number): string {
  return `${Math.round(ms) / 1_000} s`
}

/** A task that is counted already was within the quota when it was taken. */
const COUNTED: Measure = { room: Infinity, saw: () => 'it was counted when it was taken' }

const WHOSE = { submitter: 'of this submitter', owner: 'of this owner', everyone: 'of all submitters' } as const

function quotaOf({ per, every, tasks, cpuTime, atOnce }: NonNullable<PolicyRule['quota']>): Bound[] {
  const who = WHOSE[per]
  const bounds: Bound[] = []
  if (tasks !== undefined) {
    bounds.push({
      wanted: `at most ${tasks} tasks ${who} in the ${every}`,
      at({ usage }) {
        const used = usage?.[per]?.[every].tasks
        return used === undefined ? COUNTED : { room: tasks - used, saw: () => `${used} tasks ${who} in the ${every}` }
      },
    })
  }
  if (cpuTime !== undefined) {
    const most = readDurationMs(cpuTime)!
    bounds.push({
      wanted: `less than ${showSeconds(most)} of CPU ${who} in the ${every}`,
      at({ usage }) {
        const used = usage?.[per]?.[every].coreMs
        if (used === undefined) return COUNTED
        return { room: roomIf(used < most), saw: () => `${showSeconds(used)} of CPU ${who} in the ${every}` }
      },
    })
  }
  if (atOnce !== undefined) {
    bounds.push({
      wanted: `at most ${atOnce} tasks ${who} at once`,
      at({ usage }) {
        const used = usage?.[per]?.atOnce
        return used === undefined ? COUNTED : { room: atOnce - used, saw: () => `${used} tasks ${who} now` }
      },
    })
  }
  return bounds
}

function leavingOf({ output, log }: NonNullable<PolicyRule['leaving']>): Bound[] {
  const bounds: Bound[] = []
  if (output !== undefined) {
    bounds.push({
      wanted: output ? 'an output bundle or none' : 'no output bundle',
      at: ({ task }) => ({ room: roomIf(output || !task.output), saw: () => `task.output = ${task.output}` }),
    })
  }
  if (log !== undefined) {
    const most = parseBytes(String(log))
    bounds.push({
      wanted: `at most ${formatBytes(most)} of stdout and of stderr`,
      at: ({ task: { logCapBytes } }) => ({
        room: roomIf(logCapBytes <= most),
        saw: () => `task.logCapBytes = ${logCapBytes} (${formatBytes(logCapBytes)})`,
      }),
    })
  }
  return bounds
}
