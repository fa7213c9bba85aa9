/** The bargaining of a task: who was asked, what each answered, who got it and what became of it. */
import { createContext, type ComponentChildren } from 'preact'
import { useContext } from 'preact/hooks'
import type { ElsewhereStory, WhyView } from '../../../src/model/why-view.ts'
import {
  count,
  formatBytes,
  formatClock,
  formatCores,
  formatDuration,
  formatExit,
  formatOffset,
  formatPercent,
} from '../format.ts'
import { nodePath } from '../route.ts'
import { rounds, summarize, type Round } from '../story.ts'
import { Bar } from './bar.tsx'
import { CopyButton } from './copy.tsx'

type Line = Round['lines'][number]
type BidLine = Extract<Line, { kind: 'bid' }>
type DeclineLine = Extract<Line, { kind: 'declined' }>

/** The cluster that the nodes of a story are in, unless it is the one that is shown. */
const ToldIn = createContext<string | undefined>(undefined)

export function Story({ why }: { readonly why: WhyView }) {
  return (
    <div class="story">
      {why.storyDropped > 0 && (
        <p class="muted pad">{count(why.storyDropped, 'line')} in the middle of this long story were dropped.</p>
      )}
      <Rounds all={rounds(why)} />
      {why.elsewhere?.map((other) => (
        <Elsewhere key={other.cluster} other={other} />
      ))}
    </div>
  )
}

/** What was said in a cluster that was asked too. */
function Elsewhere({ other }: { readonly other: ElsewhereStory }) {
  return (
    <section class="elsewhere" aria-label={`In cluster ${other.cluster}`}>
      <h3>
        In cluster <strong>{other.cluster}</strong>, which was asked too:{' '}
        {other.refusal ?? `room for ${count(other.slots, 'task')}`}
      </h3>
      <ToldIn.Provider value={other.cluster}>
        <Rounds all={rounds({ story: other.story, attempts: [] })} />
      </ToldIn.Provider>
    </section>
  )
}

function Rounds({ all }: { readonly all: readonly Round[] }) {
  if (all.length === 0) return <p class="muted pad">No offer was made yet.</p>
  return (
    <>
      {all.map((round) => (
        <RoundView
          key={round.offer?.offerId ?? `round-${round.number}`}
          round={round}
          many={all.length > 1}
          open={round === all.at(-1) || round.awardedBidIds.size > 0}
        />
      ))}
    </>
  )
}

interface RoundProps {
  readonly round: Round
  /** One of several: numbered, and folded unless it matters. */
  readonly many: boolean
  readonly open: boolean
}

function RoundView({ round, many, open }: RoundProps) {
  const title = (
    <>
      <strong>{many || round.repeats > 0 ? `Round ${round.number}` : 'Offer'}</strong> · {summarize(round)}
      {round.repeats > 0 && ` · the same ${round.repeats + 1} times`}
    </>
  )
  if (!many) {
    return (
      <section class="round">
        <h3>{title}</h3>
        <Timeline round={round} />
      </section>
    )
  }
  return (
    <details class="round" open={open}>
      <summary>{title}</summary>
      <Timeline round={round} />
    </details>
  )
}

function Timeline({ round }: { readonly round: Round }) {
  const { offer, lines } = round
  const startMs = offer?.atMs ?? lines[0]?.atMs ?? 0
  const clock = formatClock(startMs, true)
  return (
    <ol class="timeline">
      {offer !== undefined && (
        <Entry kind="offered" time={clock}>
          <strong>Offered</strong> {count(offer.slots, 'slot')} to {count(offer.asked.length, 'node')}
        </Entry>
      )}
      {lines.map((line, index) => {
        const first = offer === undefined && index === 0
        return (
          <LineView key={index} line={line} round={round} time={first ? clock : formatOffset(line.atMs - startMs)} />
        )
      })}
    </ol>
  )
}

function Entry(props: {
  readonly kind: string
  readonly time: string
  readonly won?: boolean
  readonly children: ComponentChildren
}) {
  return (
    <li class={`entry ${props.kind}${props.won === true ? ' won' : ''}`}>
      <span class="entry-time">{props.time}</span>
      <div class="entry-body">{props.children}</div>
    </li>
  )
}

const PASSED_OVER = {
  'not-asked': 'was not asked',
  'not-awarded': 'was given no more',
  unreachable: 'was not reached',
} as const

function LineView({ line, round, time }: { readonly line: Line; readonly round: Round; readonly time: string }) {
  switch (line.kind) {
    case 'bid':
      return (
        <Entry kind="bid" time={time} won={round.awardedBidIds.has(line.bidId)}>
          <BidBody bid={line} won={round.awardedBidIds.has(line.bidId)} />
        </Entry>
      )
    case 'declined':
      return (
        <Entry kind="declined" time={time}>
          <DeclineBody decline={line} />
        </Entry>
      )
    case 'not-asked':
    case 'not-awarded':
    case 'unreachable':
      return (
        <Entry kind={line.kind} time={time}>
          <NodeLink of={line} /> {PASSED_OVER[line.kind]}
          <p class="muted">{line.reason}</p>
        </Entry>
      )
    case 'awarded':
      return (
        <Entry kind="awarded" time={time}>
          <strong>Awarded</strong> to <NodeLink of={line} />
          {line.slots > 1 && <span class="muted"> · {count(line.slots, 'slot')}</span>}
        </Entry>
      )
    case 'released':
      return (
        <Entry kind="released" time={time}>
          <NodeLink of={line} /> <span class="muted">was released from its bid</span>
        </Entry>
      )
    default:
      return <AttemptEntry line={line} time={time} />
  }
}

function AttemptEntry({ line, time }: { readonly line: Exclude<Line, { offerId: string }>; readonly time: string }) {
  const { attempt } = line
  const number = attempt.attempt > 1 && <span class="muted"> · attempt {attempt.attempt}</span>
  if (line.kind === 'contract') {
    return (
      <Entry kind="contract" time={time}>
        <strong>Contract</strong>: <NodeLink of={attempt} /> took it
        {` ${formatDuration(line.atMs - attempt.awardedAtMs)} after the award`}
        {number}
      </Entry>
    )
  }
  const { exit, reason } = attempt
  const failed = line.kind !== 'started' && !(line.kind === 'ended' && exit?.exitCode === 0)
  const words = { started: 'Started', refused: 'Refused', lost: 'Lost', ended: 'Ended' }[line.kind]
  return (
    <Entry kind={`${line.kind}${failed ? ' bad' : ''}`} time={time}>
      <strong>{words}</strong> on <NodeLink of={attempt} />
      {line.kind === 'ended' && exit !== undefined && <> with exit {formatExit(exit)}</>}
      {number}
      {line.kind !== 'started' && <p class="muted">{reason ?? exit?.startError}</p>}
    </Entry>
  )
}

function NodeLink({ of }: { readonly of: { readonly node: string; readonly nodeName: string } }) {
  return (
    <a class="node-link" href={nodePath(of.node, useContext(ToldIn))}>
      {of.nodeName}
    </a>
  )
}

function BidBody({ bid, won }: { readonly bid: BidLine; readonly won: boolean }) {
  const { terms, rank } = bid
  return (
    <>
      <p class="entry-head">
        <span>
          <NodeLink of={bid} /> <strong>bid</strong>
          {bid.slots > 1 && <span class="muted"> for {count(bid.slots, 'slot')}</span>}
          {won && <span class="tag good">chosen</span>}
        </span>
        <span class="score" title="The weighted mean of the terms below, 0 to 1">
          {rank.score.toFixed(3)}
        </span>
        <CopyButton text={bid.proof} label="the signed bid, base64" />
      </p>
      <ul class="terms">
        {Object.entries(rank.terms).map(([name, value]) => (
          <li key={name}>
            <span class="term-name">{name}</span>
            <Bar ratio={value} />
            <span class="term-value">{value.toFixed(2)}</span>
          </li>
        ))}
      </ul>
      <p class="muted">
        {formatCores(terms.freeAfter.cpuMilli)} of {count(terms.capacity.cpuMilli / 1000, 'core')} and{' '}
        {formatBytes(terms.freeAfter.memoryBytes)} of {formatBytes(terms.capacity.memoryBytes)} left after it · CPU in
        use {formatPercent(terms.cpuRatio)} · {terms.running} running · starts in {formatDuration(terms.startEtaMs)}
        {terms.warm && ' · nothing to fetch'}
      </p>
    </>
  )
}

function DeclineBody({ decline }: { readonly decline: DeclineLine }) {
  return (
    <>
      <p class="entry-head">
        <span>
          <NodeLink of={decline} /> <strong>declined</strong>
        </span>
        <CopyButton text={decline.proof} label="the signed decline, base64" />
      </p>
      {decline.reasons.map((reason) => (
        <dl key={reason.constraint} class="reason">
          <div>
            <dt>constraint</dt>
            <dd>
              {reason.constraint}
              {reason.temporary && <span class="tag">at present</span>}
            </dd>
          </div>
          <div>
            <dt>wanted</dt>
            <dd>{reason.wanted}</dd>
          </div>
          <div>
            <dt>measured</dt>
            <dd>{reason.measured}</dd>
          </div>
        </dl>
      ))}
      <p class="muted">
        Would have fitted: {formatCores(decline.wouldFit.cpuMilli)} cores, {formatBytes(decline.wouldFit.memoryBytes)}
      </p>
    </>
  )
}
