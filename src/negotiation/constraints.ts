/**
 * Hard constraints: what must hold before a node is asked (by the submitter, from the registry) and
 * before it bids (by the node itself, from what it measures). Each says what was wanted and what was
 * found, so that a "no" explains itself.
 */
import { describeCordon, viewOfCordon } from '../model/cordon-words.ts'
import type { Cordon } from '../model/cordon.ts'
import { DECLINE_TEXT, type DeclineReason } from '../model/negotiation.ts'
import { formatBytes, formatCpu } from '../model/quantity.ts'
import { countFitting, type Resources } from '../model/resources.ts'
import { matchesSelector, parseSelector } from '../model/selector.ts'
import type { TaskSpec } from '../model/task.ts'
import { isGuest, isolationBroken } from './isolation.ts'
import type { Candidate, LocalNode } from './nodes.ts'
import type { NodeId } from './types.ts'

/** A selector that does not parse matches nothing; the API refuses it before it gets here. */
function selects(selector: string | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (selector === undefined || selector === '') return true
  try {
    return matchesSelector(parseSelector(selector), labels)
  } catch {
    return false
  }
}

/** Why a node is not worth asking, or undefined when it is. */
export function notAskable(spec: TaskSpec, node: Candidate): string | undefined {
  if (spec.node !== undefined && node.id !== spec.node) return 'is not the node that was asked for'
  if (!node.alive) return 'offline'
  if (node.cordon !== undefined) return describeCordon(node.cordon)
  if (!node.drivers.includes(spec.driver)) return `has no ${spec.driver} driver`
  if (spec.isolation === 'bwrap' && node.isolation !== 'bwrap') return 'cannot isolate tasks by bwrap'
  if (!selects(spec.selector, node.labels)) return `labels do not match ${spec.selector}`
  if (node.capacity.cpuMilli < spec.resources.cpuMilli) {
    return `has ${formatCpu(node.capacity.cpuMilli)} CPU in all, ${formatCpu(spec.resources.cpuMilli)} wanted`
  }
  if (node.capacity.memoryBytes < spec.resources.memoryBytes) {
    const [has, wanted] = [node.capacity.memoryBytes, spec.resources.memoryBytes].map(formatBytes)
    return `has ${has} memory in all, ${wanted} wanted`
  }
  return undefined
}

type Check = (
  spec: TaskSpec,
  from: NodeId,
  node: LocalNode,
  free: Resources,
) => Omit<DeclineReason, 'constraint'> | undefined

/** What is told to a submitter whose tasks do not run here: by the roster where there is one. */
function whyNotTrusted(from: NodeId, { roster }: LocalNode): Omit<DeclineReason, 'constraint'> {
  if (roster === undefined) {
    return {
      wanted: `submitter ${from} in this node's trust list`,
      measured: `not trusted (its owner can run: althing trust add ${from})`,
      temporary: false,
    }
  }
  const owner = roster.owners.get(from)
  if (!roster.fresh) {
    return {
      wanted: 'word of other members, not older than 30 days, of who belongs to the cluster',
      measured: 'none: what this node knows may be out of date (see althing gov log)',
      temporary: true,
    }
  }
  return {
    wanted: 'a submitter and a worker by their roles in the roster',
    measured: owner === undefined ? 'the submitter is no member' : 'one of the two has not the role',
    temporary: false,
  }
}

/** In the order they are named to the submitter. The last three can pass once capacity frees. */
const CHECKS: readonly { readonly constraint: DeclineReason['constraint']; readonly check: Check }[] = [
  {
    constraint: 'trust',
    check: (_spec, from, node) =>
      node.open || node.trusted.has(from) || isGuest(from, node) ? undefined : whyNotTrusted(from, node),
  },
  { constraint: 'isolation', check: isolationBroken },
  {
    constraint: 'state',
    check: (_spec, _from, node) =>
      node.accepting ? undefined : { wanted: 'a node that accepts work', measured: node.stateName, temporary: true },
  },
  {
    constraint: 'driver',
    check: (spec, _from, node) =>
      node.drivers.includes(spec.driver)
        ? undefined
        : { wanted: spec.driver, measured: node.drivers.join(', ') || 'none', temporary: false },
  },
  {
    constraint: 'selector',
    check: (spec, _from, node) =>
      selects(spec.selector, node.labels)
        ? undefined
        : { wanted: spec.selector ?? '', measured: 'labels of this node do not match', temporary: false },
  },
  {
    constraint: 'limits',
    check: (spec, _from, node) => {
      if (spec.limits.memoryBytes !== undefined && !node.holdsMemoryLimit) {
        return {
          wanted: `memory held to ${formatBytes(spec.limits.memoryBytes)}`,
          measured: 'cannot be held here',
          temporary: false,
        }
      }
      return undefined
    },
  },
  {
    constraint: 'cpu',
    check: (spec, _from, node, free) =>
      spec.resources.cpuMilli <= free.cpuMilli
        ? undefined
        : {
            wanted: `${formatCpu(spec.resources.cpuMilli)} CPU`,
            measured: `${formatCpu(free.cpuMilli)} of ${formatCpu(node.capacity.cpuMilli)} CPU unreserved`,
            temporary: spec.resources.cpuMilli <= node.capacity.cpuMilli,
          },
  },
  {
    constraint: 'memory',
    check: (spec, _from, node, free) =>
      spec.resources.memoryBytes <= free.memoryBytes
        ? undefined
        : {
            wanted: `${formatBytes(spec.resources.memoryBytes)} memory`,
            measured: `${formatBytes(free.memoryBytes)} of ${formatBytes(node.capacity.memoryBytes)} memory unreserved`,
            temporary: spec.resources.memoryBytes <= node.capacity.memoryBytes,
          },
  },
  {
    constraint: 'memory-available',
    check: (spec, _from, node) =>
      spec.resources.memoryBytes <= node.memoryAvailableBytes
        ? undefined
        : {
            wanted: `${formatBytes(spec.resources.memoryBytes)} memory`,
            measured: `${formatBytes(node.memoryAvailableBytes)} available on the machine now`,
            temporary: true,
          },
  },
]

/** Why a cordoned node takes nothing new; under a constraint that submitters of any version know. */
export function cordonReason(cordon: Cordon): DeclineReason {
  const measured = describeCordon(viewOfCordon(cordon)).slice(0, DECLINE_TEXT)
  return { constraint: 'state', wanted: 'a node that takes new tasks', measured, temporary: true }
}

/** A reason in a line, the constraint first: it may be cut. */
export function describeReason({ constraint, wanted, measured }: DeclineReason): string {
  return `${constraint}: wanted ${wanted}, found ${measured}`
}

/** Every constraint of this node that the offer breaks; empty when it can bid. */
export function declineReasons(spec: TaskSpec, from: NodeId, node: LocalNode, free: Resources): DeclineReason[] {
  const reasons: DeclineReason[] = []
  for (const { constraint, check } of CHECKS) {
    const broken = check(spec, from, node, free)
    if (broken) {
      const [wanted, measured] = [broken.wanted, broken.measured].map((text) => text.slice(0, DECLINE_TEXT))
      reasons.push({ constraint, ...broken, wanted: wanted!, measured: measured! })
    }
  }
  return reasons
}

/** How many copies this node can hold now, at most `wanted`; memory really available counts beside the unreserved. */
export function slotsThatFit(
  spec: Pick<TaskSpec, 'resources'>,
  wanted: number,
  node: LocalNode,
  free: Resources,
): number {
  const usable = { cpuMilli: free.cpuMilli, memoryBytes: Math.min(free.memoryBytes, node.memoryAvailableBytes) }
  return countFitting(usable, spec.resources, wanted)
}
