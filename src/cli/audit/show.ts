/** Events and verdicts of audit logs in words. */
import type { AuditEvent } from '../../model/audit.ts'
import type { AuditChecked, AuditPart, AuditStory, AuditVerdict } from '../../model/audit-view.ts'
import { formatClock, shortPeer } from '../format.ts'
import type { Cell, Column } from '../table.ts'
import type { Style } from '../terminal.ts'

/** Of a list of events. */
export const EVENT_COLUMNS: readonly Column[] = [
  { title: 'ID', align: 'right', whole: true },
  { title: 'TIME', whole: true },
  { title: 'TYPE', whole: true },
  { title: 'WHAT' },
]

/** One event of a list. */
export function eventRow(position: number, event: AuditEvent): Cell[] {
  return [String(position), formatDate(event.atMs), event.type, detailsOf(event)]
}

/** Local date and time. */
function formatDate(atMs: number): string {
  const date = new Date(atMs)
  const pad = (value: number): string => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${formatClock(atMs)}`
}

/** Everything an event says besides time and type, in a line. */
export function detailsOf(event: AuditEvent): string {
  const { type: _type, atMs: _atMs, ...rest } = event
  return Object.entries(rest)
    .map(([key, value]) => `${key}=${wordOf(key, value)}`)
    .join(' ')
}

/** What is a key of somebody, and what is the hash of something: `--json` has them whole. */
const PEERS: ReadonlySet<string> = new Set(['peer', 'peers', 'by', 'to'])
const HASHES: ReadonlySet<string> = new Set(['statement', 'cluster', 'ticket', 'sha256'])
const SHORT_HASH = 12

function wordOf(key: string, value: unknown): string {
  if (Array.isArray(value)) return value.map((one) => itemOf(key, one)).join(', ')
  if (PEERS.has(key)) return shortPeer(String(value))
  return HASHES.has(key) ? String(value).slice(0, SHORT_HASH) : String(value)
}

function itemOf(key: string, item: unknown): string {
  if (typeof item === 'string') return PEERS.has(key) ? shortPeer(item) : item.slice(0, SHORT_HASH)
  const { constraint, wanted, measured } = item as { constraint: string; wanted: string; measured: string }
  return `${constraint} (wanted ${wanted}, found ${measured})`
}

/** Of the story of a task. */
export const STORY_COLUMNS: readonly Column[] = [{ title: 'NODE' }, ...EVENT_COLUMNS]

/** The events of all parts by time; clocks of nodes differ, so that between nodes this is about the order. */
export function storyRows({ parts }: AuditStory): Cell[][] {
  return parts
    .flatMap(({ name, outcome, entries }) => entries.map((entry) => ({ name, outcome, ...entry })))
    .toSorted((a, b) => a.event.atMs - b.event.atMs)
    .map(({ name, outcome, position, event }) => [
      outcome === 'proven' ? name : { text: `${name} (not proven)`, style: 'red' },
      ...eventRow(position, event),
    ])
}

/** What is missing in a story, a line each. */
export function storyNotes({ parts }: AuditStory): string[] {
  const note = ({ name, outcome, more }: AuditPart): string[] => [
    ...(outcome === 'unanswered' ? [`${name} did not answer: its part is missing`] : []),
    ...(outcome === 'unproven' ? [`${name}: what it says is not in the log that it signed`] : []),
    ...(more ? [`${name} has more events of this task than fit its answer`] : []),
  ]
  return parts.flatMap(note)
}

const STYLE: Readonly<Record<AuditChecked['outcome'], Style | undefined>> = {
  consistent: 'green',
  forked: 'red',
  shrunk: 'red',
  inconsistent: 'red',
  pruned: 'yellow',
  unanswered: 'yellow',
  unknown: 'yellow',
}

/** Of the table of neighbours. */
export const VERDICT_COLUMNS: readonly Column[] = [
  { title: 'NODE' },
  { title: 'OUR LOG THERE' },
  { title: 'ITS LOG HERE' },
]

/** Each neighbour: what it saw of this log, and what was seen of its. */
export function verdictRows({ seenByOthers, others }: AuditVerdict): Cell[][] {
  return others.map((theirs) => {
    const ours = seenByOthers.find(({ peer }) => peer === theirs.peer)
    return [theirs.name, ours === undefined ? '-' : outcomeCell(ours), outcomeCell(theirs)]
  })
}

function outcomeCell({ outcome, size }: AuditChecked): Cell {
  const text = size === undefined ? outcome : `${outcome} (${size})`
  const style = STYLE[outcome]
  return style === undefined ? text : { text, style }
}

/** True when nothing contradicts: a neighbour that did not answer proves nothing either way. */
export function isSound({ problems, seenByOthers, others, alarms }: AuditVerdict): boolean {
  const isBad = ({ outcome }: AuditChecked): boolean => STYLE[outcome] === 'red'
  return problems.length === 0 && alarms.length === 0 && !seenByOthers.some(isBad) && !others.some(isBad)
}
