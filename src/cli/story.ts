/** The bargaining over a task, told offer by offer. */
import type { ElsewhereStory, JobStory, JobWhyView, StoryLine, TaskStory, WhyView } from '../model/why-view.ts'
import { count, formatClock, formatDuration, formatRatio, formatResources, shortPeer } from './format.ts'
import { drawTable } from './table.ts'
import { describeExit } from './views.ts'
import { printable, type Paint } from './terminal.ts'

type Line<Kind extends StoryLine['kind']> = Extract<StoryLine, { kind: Kind }>

/** The whole story of a task as text. */
export function drawStory(why: WhyView, paint: Paint): string {
  const heading = `${paint('bold', `task ${why.taskId}`)} of job ${why.jobId}: ${why.state}`
  return [heading, ...drawBargaining(why, paint), drawAttempts(why, paint)].join('\n\n')
}

/** The whole story of a job as text: the bargaining once, and each of its tasks. */
export function drawJobStory(why: JobWhyView, paint: Paint): string {
  const heading = `${paint('bold', `job ${why.jobId}`)}: ${count(why.tasks.length, 'task')}`
  const tasks = why.tasks.map(
    (task) => `${paint('bold', `task ${task.taskId}`)}: ${task.state}\n${drawAttempts(task, paint)}`,
  )
  return [heading, ...drawBargaining(why, paint), ...tasks].join('\n\n')
}

function drawBargaining({ story, storyDropped, elsewhere = [] }: JobStory, paint: Paint): string[] {
  const offers = Map.groupBy(story, ({ offerId }) => offerId)
  return [
    ...[...offers].map(([offerId, lines]) => drawOffer(offerId, lines, paint)),
    ...(storyDropped > 0 ? [`(${storyDropped} lines in the middle of the story were not kept)`] : []),
    ...elsewhere.map((other) => drawElsewhere(other, paint)),
  ]
}

/** What was said in a cluster that was asked too. */
function drawElsewhere({ cluster, slots, story, refusal }: ElsewhereStory, paint: Paint): string {
  const said = refusal ?? `room for ${count(slots, 'task')}`
  const heading = printable(`in cluster ${cluster}, which was asked too: ${said}`)
  const offers = Map.groupBy(story, ({ offerId }) => offerId)
  return [paint('bold', heading), ...[...offers].map(([offerId, lines]) => drawOffer(offerId, lines, paint))].join('\n')
}

function drawOffer(offerId: string, lines: readonly StoryLine[], paint: Paint): string {
  const of = <Kind extends StoryLine['kind']>(kind: Kind): Line<Kind>[] =>
    lines.filter((line): line is Line<Kind> => line.kind === kind)
  const names = new Map(lines.flatMap((line) => ('node' in line ? [[line.node, line.nodeName] as const] : [])))
  const called = (peer: string): string => names.get(peer) ?? shortPeer(peer)
  const sections = [
    of('offered').map(({ atMs, slots, asked }) =>
      printable(`${formatClock(atMs)}  offer ${offerId}: ${count(slots, 'slot')}, asked ${list(asked.map(called))}`),
    ),
    drawBids(of('bid'), paint),
    of('declined').flatMap(({ nodeName, reasons, wouldFit }) => [
      printable(`  ${nodeName} declined:`),
      ...reasons.map(({ constraint, wanted, measured, temporary }) =>
        printable(`    ${constraint}: wanted ${wanted}, measured ${measured}${temporary ? ' (may fit later)' : ''}`),
      ),
      `    would have fitted: ${formatResources(wouldFit)}`,
    ]),
    of('unreachable').map(({ nodeName, reason }) => printable(`  ${nodeName} unreachable: ${reason}`)),
    of('not-asked').map(({ nodeName, reason }) => printable(`  ${nodeName} not asked: ${reason}`)),
    of('awarded').map(({ atMs, nodeName, slots }) =>
      printable(`${formatClock(atMs)}  awarded ${count(slots, 'slot')} to ${nodeName}`),
    ),
    of('not-awarded').map(({ nodeName, reason }) => printable(`  ${nodeName} not awarded: ${reason}`)),
    of('released').map(({ atMs, nodeName }) => printable(`${formatClock(atMs)}  released what ${nodeName} held`)),
  ]
  return sections.flat().join('\n')
}

/** Best first, with every term its rank is the sum of. */
function drawBids(bids: readonly Line<'bid'>[], paint: Paint): string[] {
  if (bids.length === 0) return ['  no bids']
  const terms = [...new Set(bids.flatMap(({ rank }) => Object.keys(rank.terms)))]
  const columns = [
    { title: 'BID OF' },
    { title: 'SLOTS', align: 'right' as const },
    { title: 'SCORE', align: 'right' as const },
    ...terms.map((term) => ({ title: term.toUpperCase(), align: 'right' as const })),
    { title: 'ETA', align: 'right' as const },
    // Not LOAD, which is the term of the rank made of it.
    { title: 'CPU USED', align: 'right' as const },
    { title: 'RUNNING', align: 'right' as const },
    { title: 'INPUT' },
    { title: 'ISOLATION' },
    { title: 'FREE AFTER' },
  ]
  const rows = bids
    .toSorted((a, b) => b.rank.score - a.rank.score)
    .map(({ nodeName, slots, rank, terms: said }) => [
      nodeName,
      String(slots),
      rank.score.toFixed(3),
      ...terms.map((term) => rank.terms[term]?.toFixed(3) ?? '-'),
      formatDuration(said.startEtaMs),
      formatRatio(said.cpuRatio),
      String(said.running),
      said.warm ? 'there' : 'to fetch',
      said.isolation ?? '-',
      formatResources(said.freeAfter),
    ])
  return drawTable(columns, rows, paint)
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
}

function drawAttempts(task: TaskStory, paint: Paint): string {
  if (task.attempts.length === 0) return 'not yet awarded to anyone'
  return task.attempts
    .map((attempt) => {
      const steps: [number | undefined, string][] = [
        [attempt.awardedAtMs, `awarded to ${attempt.nodeName}`],
        [attempt.contractedAtMs, 'contract signed'],
        [attempt.startedAtMs, 'started'],
        [attempt.endedAtMs, endOf(attempt, task)],
      ]
      const lines = steps.flatMap(([atMs, text]) =>
        atMs === undefined ? [] : [printable(`  ${formatClock(atMs)}  ${text}`)],
      )
      return [paint('bold', `attempt ${attempt.attempt} on ${printable(attempt.nodeName)}`), ...lines].join('\n')
    })
    .join('\n')
}

function endOf({ outcome, reason, exit }: TaskStory['attempts'][number], { state }: TaskStory): string {
  const how = exit === undefined ? '' : describeExit({ exit, state })
  return [outcome ?? 'ended', how, reason].filter((part) => part !== undefined && part !== '').join(': ')
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nobody' : names.join(', ')
}
