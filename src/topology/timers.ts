/** The timers of this node's own state, of each member and of each watch: what is to be done when, and for whom. */
import { UNSET, type Timer } from '../util/timer-heap.ts'

/** What is to be done when it is due; `step.ts` says how. */
export type TimerName = keyof WatchTimers | keyof MemberTimers | keyof OwnTimers

/** One timer of the membership core. */
export interface TopologyTimer extends Timer {
  readonly what: TimerName
  /** The member it is for; empty for this node's own. */
  readonly id: string
}

/** Timers of one watch. */
export interface WatchTimers {
  readonly probe: TopologyTimer
  /** The first probe that was not answered yet is missed. */
  readonly due: TopologyTimer
  /** Those who were asked to probe it had time enough. */
  readonly ask: TopologyTimer
}

/** Timers of one member: it is weighed again, told that it is held offline, forgotten. */
export interface MemberTimers {
  readonly suspect: TopologyTimer
  readonly tell: TopologyTimer
  readonly forget: TopologyTimer
}

/** Timers of the node itself. */
export interface OwnTimers {
  readonly brake: TopologyTimer
  readonly errands: TopologyTimer
  readonly measure: TopologyTimer
  readonly refute: TopologyTimer
  readonly watches: TopologyTimer
}

function newTimer(what: TimerName, id: string): TopologyTimer {
  return { ...UNSET, what, id }
}

/** Timers of a watch, none of them set. */
export function watchTimers(id: string): WatchTimers {
  return { probe: newTimer('probe', id), due: newTimer('due', id), ask: newTimer('ask', id) }
}

/** Timers of a member, none of them set. */
export function memberTimers(id: string): MemberTimers {
  return { suspect: newTimer('suspect', id), tell: newTimer('tell', id), forget: newTimer('forget', id) }
}

/** Timers of a node itself, none of them set. */
export function ownTimers(): OwnTimers {
  return {
    brake: newTimer('brake', ''),
    errands: newTimer('errands', ''),
    measure: newTimer('measure', ''),
    refute: newTimer('refute', ''),
    watches: newTimer('watches', ''),
  }
}
