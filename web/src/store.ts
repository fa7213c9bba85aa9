/**
 * What the page knows of the mesh, as signals, and how it is read again.
 *
 * Events carry ids only, so each names what to fetch again. Many at once become one fetch: ids collect
 * while a refresh runs, and beyond a handful the whole list is cheaper than its members.
 */
import { batch, computed, signal } from '@preact/signals'
import type { MeshEvent, NodeView, StatusView, TaskView } from '../../src/model/api.ts'
import * as api from './api.ts'

/** `live`: events arrive. `locked`: the daemon wants a (better) token. */
export type Connection = 'connecting' | 'live' | 'reconnecting' | 'locked'

/** Something the daemon said, and when on this page's own clock, so that its ages can go on ticking. */
export interface Seen<T> {
  readonly value: T
  readonly seenAtMs: number
}

/** More ids than this in one batch: fetch the list instead. */
const SINGLES = 6
/** Between two refreshes; bursts of events coalesce in it. A slow daemon gets longer pauses. */
const PAUSE_MS = 120

export const connection = signal<Connection>('connecting')
/** Why the last connection ended, in words; shown beside `reconnecting`. */
export const trouble = signal<string | undefined>(undefined)
export const status = signal<Seen<StatusView> | undefined>(undefined)
export const nodes = signal<ReadonlyMap<string, Seen<NodeView>>>(new Map())
export const tasks = signal<ReadonlyMap<string, TaskView>>(new Map())
/** True once nodes and tasks were read for the first time: before that, empty means unknown. */
export const loaded = signal(false)
/** Advances every second while the page is visible: what shows an age reads it. */
export const nowMs = signal(Date.now())
/** False while the page was hidden for long: it then holds no streams, for a browser opens only six to one host. */
export const awake = signal(true)
/** For screen readers: the latest change worth telling. */
export const announcement = signal('')

/** The job whose bargaining is on the screen, if one is. */
export const watchedJob = signal<string | undefined>(undefined)
/** Advances when something was said in the bargaining over `watchedJob`. */
export const storyVersion = signal(0)

/** This machine first, then by name: a row keeps its place whatever its load. */
export const nodeList = computed(() =>
  [...nodes.value.values()].toSorted(
    ({ value: a }, { value: b }) =>
      Number(b.self) - Number(a.self) || a.name.localeCompare(b.name) || (a.peerId < b.peerId ? -1 : 1),
  ),
)

/** Newest first. */
export const taskList = computed(() =>
  [...tasks.value.values()].toSorted((a, b) => sortTime(b) - sortTime(a) || (a.taskId < b.taskId ? 1 : -1)),
)

function sortTime(task: TaskView): number {
  return task.submittedAtMs ?? task.startedAtMs ?? 0
}

const dirty = {
  nodes: new Set<string>(),
  tasks: new Set<string>(),
  status: false,
  allNodes: false,
  allTasks: false,
  story: false,
}
let refreshing = false

/** Notes what an event makes stale, and has it read again soon. */
export function noteEvent(event: MeshEvent): void {
  switch (event.type) {
    case 'node':
      dirty.nodes.add(event.subject)
      dirty.status = true
      break
    case 'task':
      dirty.tasks.add(event.subject)
      dirty.status = true
      break
    case 'contract':
      // A run id is a tag of its submitter, the task's id and the attempt's number.
      dirty.tasks.add(event.subject.split('.')[1] ?? '')
      dirty.status = true
      break
    case 'trust':
    case 'policy':
    case 'governance':
      dirty.status = true
      break
    case 'job':
      if (event.subject !== watchedJob.peek()) return
      dirty.story = true
      break
    case 'reset':
      return refreshAll()
  }
  schedule()
}

/** Reads everything again. */
export function refreshAll(): void {
  dirty.allTasks = true
  refreshNodes()
}

/** Reads nodes and status again: ages and loads change without events. */
export function refreshNodes(): void {
  dirty.status = true
  dirty.allNodes = true
  schedule()
}

/** Reads one task again. */
export function refreshTask(id: string): void {
  dirty.tasks.add(id)
  schedule()
}

function schedule(): void {
  if (refreshing) return
  refreshing = true
  setTimeout(() => void refresh(), loaded.value ? PAUSE_MS : 0)
}

async function refresh(): Promise<void> {
  const startedAt = performance.now()
  const want = { ...dirty, nodes: new Set(dirty.nodes), tasks: new Set(dirty.tasks) }
  Object.assign(dirty, { status: false, allNodes: false, allTasks: false, story: false })
  dirty.nodes.clear()
  dirty.tasks.clear()
  if (want.story) storyVersion.value++
  try {
    await Promise.all([
      want.status ? readStatus() : undefined,
      want.allNodes || want.nodes.size > SINGLES ? readNodes() : each(want.nodes, readNode),
      want.allTasks || want.tasks.size > SINGLES ? readTasks() : each(want.tasks, readTask),
    ])
    if (want.allNodes && want.allTasks) loaded.value = true
  } catch (error) {
    noteFailure(error)
  }
  await new Promise((resolve) => setTimeout(resolve, performance.now() - startedAt))
  refreshing = false
  const { status: again, allNodes, allTasks, story } = dirty
  if (again || allNodes || allTasks || story || dirty.nodes.size + dirty.tasks.size > 0) schedule()
}

async function each(ids: ReadonlySet<string>, read: (id: string) => Promise<void>): Promise<void> {
  await Promise.all([...ids].map(read))
}

/** A refused token locks the page; anything else the event stream notices too, and it reconnects. */
export function noteFailure(error: unknown): void {
  if (error instanceof api.ApiError && error.status === 401) connection.value = 'locked'
  else trouble.value = error instanceof Error ? error.message : String(error)
}

async function readStatus(): Promise<void> {
  status.value = { value: await api.getStatus(), seenAtMs: Date.now() }
}

async function readNodes(): Promise<void> {
  const list = await api.getNodes()
  const seenAtMs = Date.now()
  const before = nodes.peek()
  batch(() => {
    for (const node of list) announceNode(before.get(node.peerId)?.value, node)
    nodes.value = new Map(list.map((value) => [value.peerId, { value, seenAtMs }]))
  })
}

async function readNode(id: string): Promise<void> {
  const node = await orGone(api.getNode(id))
  const next = new Map(nodes.peek())
  if (node === undefined) next.delete(id)
  else next.set(node.peerId, { value: node, seenAtMs: Date.now() })
  announceNode(nodes.peek().get(id)?.value, node)
  nodes.value = next
}

async function readTasks(): Promise<void> {
  const list = await api.getTasks()
  const before = tasks.peek()
  batch(() => {
    for (const task of list) announceTask(before.get(task.taskId), task)
    tasks.value = new Map(list.map((task) => [task.taskId, task]))
  })
}

async function readTask(id: string): Promise<void> {
  const task = await orGone(api.getTask(id))
  const next = new Map(tasks.peek())
  if (task === undefined) next.delete(id)
  else next.set(task.taskId, task)
  announceTask(tasks.peek().get(id), task)
  tasks.value = next
}

async function orGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof api.ApiError && (error.status === 404 || error.status === 410)) return undefined
    throw error
  }
}

function announceNode(before: NodeView | undefined, after: NodeView | undefined): void {
  if (!loaded.peek() || after === undefined || before?.state === after.state) return
  // Ready and busy alternate with every task; only coming and going is news.
  const quiet = new Set(['ready', 'busy'])
  if (before !== undefined && quiet.has(before.state) && quiet.has(after.state)) return
  announcement.value = `Node ${after.name} is ${after.state}`
}

function announceTask(before: TaskView | undefined, after: TaskView | undefined): void {
  if (!loaded.peek() || after === undefined || before === undefined || before.state === after.state) return
  announcement.value = `Task ${after.name} is ${after.state}`
}
