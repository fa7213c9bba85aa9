/** States as shape, colour and word, so that none of the three is needed alone. */
import type { ComponentChildren } from 'preact'
import type { NodeState, NodeView, TaskView } from '../../../src/model/api.ts'

type Cordon = NonNullable<NodeView['cordon']>
type AnyState = NodeState | 'suspect' | Cordon['state'] | TaskView['state']

/** Each on a 16 × 16 field, drawn in the current colour. */
const SHAPES: Record<AnyState, ComponentChildren> = {
  ready: <circle cx="8" cy="8" r="5" fill="currentColor" />,
  busy: (
    <>
      <circle cx="8" cy="8" r="5.25" class="line" />
      <path d="M8 2.75a5.25 5.25 0 0 1 0 10.5Z" fill="currentColor" />
    </>
  ),
  joining: <circle cx="8" cy="8" r="5.25" class="line" stroke-dasharray="2.4 1.7" />,
  offline: <path d="M4.5 4.5l7 7m0-7l-7 7" class="line" />,
  suspect: <path d="M5.4 6a2.6 2.6 0 1 1 3.4 2.4c-.6.3-.8.7-.8 1.4m0 2v.4" class="line" />,
  cordoned: (
    <>
      <circle cx="8" cy="8" r="5.25" class="line" />
      <path d="M5 8h6" class="line" />
    </>
  ),
  draining: (
    <>
      <circle cx="8" cy="8" r="5.25" class="line" />
      <path d="M8 5v5.5m-2.2-2.2L8 10.5l2.2-2.2" class="line" />
    </>
  ),
  drained: (
    <>
      <circle cx="8" cy="8" r="5.25" class="line" stroke-dasharray="2.4 1.7" />
      <path d="M5 8h6" class="line" />
    </>
  ),
  queued: <circle cx="8" cy="8" r="5.25" class="line" stroke-dasharray="2.4 1.7" />,
  awarded: (
    <>
      <circle cx="8" cy="8" r="5.25" class="line" />
      <circle cx="8" cy="8" r="2" fill="currentColor" />
    </>
  ),
  running: (
    <>
      <circle cx="8" cy="8" r="5.25" class="line faint" />
      <path d="M8 2.75A5.25 5.25 0 0 1 13.25 8" class="line turning" />
    </>
  ),
  succeeded: <path d="M3.5 8.5l3 3 6-7" class="line" />,
  failed: <path d="M4.5 4.5l7 7m0-7l-7 7" class="line" />,
  cancelled: (
    <>
      <circle cx="8" cy="8" r="5.25" class="line" />
      <path d="M4.4 11.6l7.2-7.2" class="line" />
    </>
  ),
  'timed-out': (
    <>
      <circle cx="8" cy="8" r="5.25" class="line" />
      <path d="M8 5v3.2l2 1.3" class="line" />
    </>
  ),
}

/** What the colours mean; the style sheet knows these and not the states. */
const TONES: Record<AnyState, 'good' | 'warm' | 'bad' | 'live' | 'quiet'> = {
  ready: 'good',
  busy: 'warm',
  joining: 'live',
  offline: 'quiet',
  suspect: 'warm',
  cordoned: 'warm',
  draining: 'warm',
  drained: 'quiet',
  queued: 'quiet',
  awarded: 'live',
  running: 'live',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'quiet',
  'timed-out': 'bad',
}

/** The shape alone, for where the word stands beside it already. */
export function StateIcon({ state }: { readonly state: AnyState }) {
  return (
    <svg class={`icon tone-${TONES[state]}`} viewBox="0 0 16 16" aria-hidden="true">
      {SHAPES[state]}
    </svg>
  )
}

/** Shape and word. */
export function State({ state }: { readonly state: AnyState }) {
  return (
    <span class="state" data-state={state}>
      <StateIcon state={state} />
      {state.replace('-', ' ')}
    </span>
  )
}

/** What a node is shown as: missed or gone, taking nothing new, and only then how busy it says it is. */
function shownOf({ suspect, state, cordon }: Pick<NodeView, 'suspect' | 'state' | 'cordon'>): AnyState {
  if (suspect) return 'suspect'
  return state === 'offline' || cordon === undefined ? state : cordon.state
}

/** Of a node; who cordoned it, and why, stands behind it. */
export function StateOfNode({ node }: { readonly node: Pick<NodeView, 'suspect' | 'state' | 'cordon'> }) {
  const { cordon } = node
  return (
    <span title={cordon && sayCordon(cordon)}>
      <State state={shownOf(node)} />
    </span>
  )
}

/** Who cordoned a node, and why. */
export function sayCordon({ by, reason }: Cordon): string {
  return reason === undefined ? `by ${by}` : `by ${by}: ${reason}`
}
