/**
 * What the page knows of the mesh, as signals, and how it is read again.
 *
 * Events carry ids only, so each names what to fetch again. Many at once become one fetch: ids collect
 * while a refresh runs, and beyond a handful the whole list is cheaper than its members.
 */
import { batch, computed, signal } from '@preact/signals'
import type { MeshEvent, NodeView, StatusView, TaskView } from '../../src/model/api.ts'
import type { ClusterPlaceView } from '../../src/model/cluster-place.ts'
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
/** What the daemon answers to all that is about a cluster that it is not in, or takes no part in at present. */
const NOT_IN_CLUSTER = new Set([404, 409])
/** Between two refreshes; bursts of events coalesce in it. A slow daemon gets longer pauses. */
const PAUSE_MS = 120

export const connection = signal<Connection>('connecting')
/** Why the last connection ended, in words; shown beside `reconnecting`. */
export const trouble = signal<string | undefined>(undefined)
/** Why the cluster that is to be shown cannot be: the daemon left it, or takes no part in it at present. */
export const lost = signal<string | undefined>(undefined)
/** The clusters that the daemon is in; empty when it is in one. */
export const clusters = signal<readonly ClusterPlaceView[]>([])
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
/** What is read at present; what was begun for a cluster that is not shown any more keeps nobody waiting. */
let refreshing: symbol | undefined

let shown: string | undefined

/** Shows another cluster, the first if none is named: nothing that was read of the one before stays. */
export function enter(cluster: string | undefined): void {
  if (cluster === shown) return
  shown = cluster
  api.askAbout(cluster)
  batch(() => {
    forget()
    lost.value = undefined
    announcement.value = `Cluster ${cluster ?? clusters.peek().find(({ first }) => first)?.name ?? ''}`
  })
}

function forget(): void {
  refreshing = undefined
  loaded.value = false
  status.value = undefined
  nodes.value = new Map()
  tasks.value = new Map()
  dirty.nodes.clear()
  dirty.tasks.clear()
  Object.assign(dirty, { status: false, allNodes: false, allTasks: false, story: false })
}

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
  if (refreshing !== undefined) return
  const mine = Symbol('refresh')
  refreshing = mine
  setTimeout(() => mine === refreshing && void refresh(mine), loaded.value ? PAUSE_MS : 0)
}

async function refresh(mine: symbol): Promise<void> {
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
  if (mine !== refreshing) return
  refreshing = undefined
  const { status: again, allNodes, allTasks, story } = dirty
  if (again || allNodes || allTasks || story || dirty.nodes.size + dirty.tasks.size > 0) schedule()
}

async function each(ids: ReadonlySet<string>, read: (id: string) => Promise<void>): Promise<void> {
  await Promise.all([...ids].map(read))
}

/** A refused token locks the page; anything else the event stream notices too, and it reconnects. */
export function noteFailure(error: unknown): void {
  if (error instanceof api.OutdatedError) return
  if (error instanceof api.ApiError && error.status === 401) connection.value = 'locked'
  else if (error instanceof api.ApiError && shown !== undefined && NOT_IN_CLUSTER.has(error.status)) lose(error.message)
  else trouble.value = error instanceof Error ? error.message : String(error)
}

function lose(why: string): void {
  batch(() => {
    forget()
    lost.value = why
    trouble.value = undefined
  })
  // The daemon itself is there: what it is in now is the way on.
  readClusters().catch(() => {})
}

async function readStatus(): Promise<void> {
  const value = await api.getStatus()
  status.value = { value, seenAtMs: Date.now() }
  if (value.clusters.length > 1) await readClusters()
  else clusters.value = []
}

async function readClusters(): Promise<void> {
  clusters.value = await api.getClusters()
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
