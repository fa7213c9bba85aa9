/**
 * The local API as the page speaks it: the token, requests, problems.
 *
 * The token comes in the address's fragment, which never leaves the browser, is kept for this tab
 * only, and goes out as a header: no cookie that another site could make the browser send.
 */
import type { LogEnd, LogLine, MeshEvent, NodeView, Problem, StatusView, TaskView } from '../../src/model/api.ts'
import type { ClusterPlaceView } from '../../src/model/cluster-place.ts'
import type { WhyView } from '../../src/model/why-view.ts'
import type { TopologyView } from '../../src/model/topology-view.ts'
import { readEvents, readLines } from './streams.ts'

const TOKEN_KEY = 'althing-token'
/** A daemon on this machine answers in milliseconds; one that does not is stuck. */
const TIMEOUT_MS = 10_000

/** The daemon said no, and why (RFC 9457). */
export class ApiError extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title)
    this.problem = problem
  }

  get status(): number {
    return this.problem.status
  }
}

/** What was asked of a cluster that is not shown any more: neither its answer nor its failure counts. */
export class OutdatedError extends Error {}

/** Moves a token from `#token=…` in the address to this tab's storage. @returns true when there was one */
export function takeTokenFromAddress(): boolean {
  const match = /^#\/?token=([^&]+)(?:&(.*))?$/.exec(location.hash)
  if (match?.[1] === undefined) return false
  setToken(decodeURIComponent(match[1]))
  // Replaced, not pushed: the token must not stay in the address bar or the history.
  history.replaceState(null, '', `${location.pathname}#${match[2] ?? '/'}`)
  return true
}

export function setToken(token: string): void {
  sessionStorage.setItem(TOKEN_KEY, token)
}

export function clearToken(): void {
  sessionStorage.removeItem(TOKEN_KEY)
}

export function hasToken(): boolean {
  return sessionStorage.getItem(TOKEN_KEY) !== null
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = {
    type: 'about:blank',
    title: response.statusText || 'Request failed',
    status: response.status,
    code: '',
  }
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) }
  } catch {
    return fallback
  }
}

async function call(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set('authorization', `Bearer ${sessionStorage.getItem(TOKEN_KEY) ?? ''}`)
  const response = await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'omit', redirect: 'error' })
  if (!response.ok) throw new ApiError(await problemOf(response))
  return response
}

const part = encodeURIComponent

/** What paths begin with that are about the cluster that is asked; empty for the daemon's first. */
let prefix = ''

/** From now on all questions are about this cluster, or about the first when none is named. */
export function askAbout(cluster: string | undefined): void {
  prefix = cluster === undefined ? '' : `/clusters/${part(cluster)}`
}

/** Asks the cluster that is shown. @throws OutdatedError when it is not shown any more */
async function getJson<T>(path: string): Promise<T> {
  const asked = prefix
  const answer = await readJson<T>(asked + path).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if (asked !== prefix) throw new OutdatedError()
  if ('error' in answer) throw answer.error
  return answer.value
}

async function readJson<T>(path: string): Promise<T> {
  const response = await call(path, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  return (await response.json()) as T
}

export const getStatus = () => getJson<StatusView>('/v1/status')
export const getNodes = () => getJson<NodeView[]>('/v1/nodes?all=true')
export const getNode = (id: string) => getJson<NodeView>(`/v1/nodes/${part(id)}`)
export const getTopology = () => getJson<TopologyView>('/v1/topology')
export const getTasks = () => getJson<TaskView[]>('/v1/tasks?all=true')
export const getTask = (id: string) => getJson<TaskView>(`/v1/tasks/${part(id)}`)
export const getWhy = (id: string) => getJson<WhyView>(`/v1/tasks/${part(id)}/why`)
/** All that the daemon is in: of the daemon, whichever is shown. */
export const getClusters = () => readJson<ClusterPlaceView[]>('/v1/clusters')

/** Asks for a task's end; it is over when its state says so. */
export async function cancelTask(id: string): Promise<TaskView> {
  const response = await call(`${prefix}/v1/tasks/${part(id)}/cancel`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  return (await response.json()) as TaskView
}

/**
 * Chunks of a task's log from its beginning, then live until the task has ended.
 * @throws ApiError: 410 when the rest of it cannot be had; or a network error when the stream breaks
 */
export async function* followLog(id: string, signal: AbortSignal): AsyncGenerator<LogLine> {
  const response = await call(`${prefix}/v1/tasks/${part(id)}/logs?follow=true&stream=both`, { signal })
  if (response.body === null) return
  for await (const line of readLines(response.body)) {
    if (line === '') continue
    const parsed = JSON.parse(line) as LogLine | LogEnd
    if ('error' in parsed) throw new ApiError({ type: 'about:blank', title: 'Gone', status: 410, ...parsed.error })
    yield parsed
  }
}

/**
 * The daemon's events, from after `lastId` when it still has them.
 * @param onOpen called once the daemon has answered
 */
export async function* followEvents(
  lastId: string,
  signal: AbortSignal,
  onOpen: () => void,
): AsyncGenerator<MeshEvent> {
  const headers: Record<string, string> = { accept: 'text/event-stream' }
  if (lastId !== '') headers['last-event-id'] = lastId
  const response = await call(`${prefix}/v1/events`, { signal, headers })
  onOpen()
  if (response.body === null) return
  for await (const event of readEvents(response.body)) yield JSON.parse(event.data) as MeshEvent
}
