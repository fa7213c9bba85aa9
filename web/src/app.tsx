/** The frame around every view: banner, header, navigation, connection, and which view is shown. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { StatusView } from '../../src/model/api.ts'
import type { Route } from './address.ts'
import { commandIn } from './clusters.ts'
import { ClusterNav, LostCluster } from './components/cluster-nav.tsx'
import { Copyable } from './components/copy.tsx'
import { DecidedPolicy } from './components/decided-policy.tsx'
import { DecidedSettings } from './components/decided-settings.tsx'
import { StateOfNode } from './components/state.tsx'
import { count, formatDuration, shortPeer } from './format.ts'
import { cluster, pathTo, route } from './route.ts'
import { announcement, connection, loaded, lost, nodes, nowMs, status, taskList, trouble } from './store.ts'
import { MapView } from './views/map.tsx'
import { MeshView } from './views/mesh.tsx'
import { NodeDetail } from './views/node-detail.tsx'
import { TaskDetail } from './views/task-detail.tsx'
import { TasksView } from './views/tasks.tsx'
import { TokenForm } from './views/token-form.tsx'

export function App({ unlock }: { readonly unlock: (token: string) => void }) {
  const main = useRef<HTMLElement>(null)
  const at = route.value
  const key = [at.cluster, at.view, 'id' in at && at.id].join(' ')
  const first = useRef(true)

  useEffect(() => {
    // The first view is where the browser put the reader; later ones are announced by moving the focus.
    if (!first.current) main.current?.focus({ preventScroll: true })
    if (!first.current) scrollTo(0, 0)
    first.current = false
  }, [key])

  const title = titleOf(at)
  useEffect(() => {
    document.title = title
  }, [title])

  const alarms = status.value?.value.audit.alarms ?? []
  const quarantined = status.value?.value.quarantined ?? []
  if (connection.value === 'locked') return <TokenForm unlock={unlock} />
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          // The fragment is the route, so the link moves the focus by hand.
          event.preventDefault()
          main.current?.focus()
        }}
      >
        Skip to content
      </a>
      {status.value?.value.open === true && <OpenBanner />}
      {quarantined.length > 0 && <QuarantineBanner quarantined={quarantined} />}
      {alarms.length > 0 && <AuditBanner alarms={alarms} />}
      <Header at={at} />
      <main id="main" ref={main} tabIndex={-1}>
        <Content at={at} />
      </main>
      <p class="unseen" aria-live="polite">
        {announcement.value}
      </p>
    </>
  )
}

function Content({ at }: { readonly at: Route }) {
  if (lost.value !== undefined) return <LostCluster />
  return loaded.value ? <View at={at} /> : <p class="loading">Reading the mesh…</p>
}

function View({ at }: { readonly at: Route }) {
  switch (at.view) {
    case 'mesh':
      return <MeshView />
    case 'map':
      return <MapView />
    case 'tasks':
      return <TasksView />
    case 'node':
      return <NodeDetail key={at.id} id={at.id} />
    case 'task':
      return <TaskDetail key={at.id} id={at.id} />
  }
}

function titleOf(at: Route): string {
  const name = status.value?.value.name
  const place =
    at.view === 'node'
      ? (nodes.value.get(at.id)?.value.name ?? 'Node')
      : at.view === 'task'
        ? `Task ${at.id}`
        : at.view === 'tasks'
          ? 'Tasks'
          : at.view === 'map'
            ? 'Map'
            : name
  return [place, at.cluster, 'Althing'].filter(Boolean).join(' · ')
}

function RedBanner({ children }: { readonly children: ComponentChildren }) {
  return (
    <div class="red-banner" role="alert">
      <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
        <path d="M8 2 14.5 13.5h-13Z M8 6.5v3.2 M8 11.6v.2" class="line" />
      </svg>
      <p>{children}</p>
    </div>
  )
}

function OpenBanner() {
  return (
    <RedBanner>
      <strong>Open: runs tasks of anyone who connects.</strong> Start it without <code>--open</code> and name whom you
      trust: <code>althing trust add PEER</code>
    </RedBanner>
  )
}

/** Nodes that are cut off because they signed two records under one number. */
function QuarantineBanner({ quarantined }: { readonly quarantined: StatusView['quarantined'] }) {
  return (
    <RedBanner>
      <strong>Quarantined: {quarantined.map(({ name, peer }) => name || peer).join(', ')}</strong> signed two records
      under one number: the key is in two hands. Stop the copy, then let the machine in again with a new key.
    </RedBanner>
  )
}

/** Other nodes whose audit logs contradict themselves. */
function AuditBanner({ alarms }: { readonly alarms: StatusView['audit']['alarms'] }) {
  return (
    <RedBanner>
      <strong>
        Rewritten history: the audit log of {alarms.map(({ name }) => name).join(', ')} is not what it was.
      </strong>{' '}
      <code>{commandIn(cluster.value, 'audit verify')}</code> shows the proof;{' '}
      <code>{commandIn(cluster.value, 'audit accept', 'PEER')}</code> when you know why.
    </RedBanner>
  )
}

function Header({ at }: { readonly at: Route }) {
  const running = taskList.value.filter(({ state }) => state === 'running').length
  return (
    <header class="top">
      <div class="top-row">
        <a class="brand" href={pathTo()} aria-label="Althing, to the mesh">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M16 6 24.66 11v10L16 26l-8.66-5V11Z" class="line faint" />
            {[
              [16, 6],
              [24.66, 11],
              [24.66, 21],
              [16, 26],
              [7.34, 21],
              [7.34, 11],
            ].map(([x, y]) => (
              <circle key={`${x} ${y}`} cx={x} cy={y} r="2.8" />
            ))}
          </svg>
          Althing
        </a>
        <nav aria-label="Views">
          <a href={pathTo()} aria-current={at.view === 'mesh' ? 'page' : at.view === 'node' ? 'true' : undefined}>
            Nodes {loaded.value && <span class="count">{nodes.value.size}</span>}
          </a>
          <a href={pathTo('map')} aria-current={at.view === 'map' ? 'page' : undefined}>
            Map
          </a>
          <a
            href={pathTo('tasks')}
            aria-current={at.view === 'tasks' ? 'page' : at.view === 'task' ? 'true' : undefined}
          >
            Tasks {running > 0 && <span class="count">{running} running</span>}
          </a>
        </nav>
        <ConnectionMark />
      </div>
      <ClusterNav />
      <Identity />
    </header>
  )
}

/** Which daemon this is. */
function Identity() {
  const seen = status.value
  if (seen === undefined) return null
  const { value: daemon, seenAtMs } = seen
  return (
    <div class="identity">
      <h1>
        {daemon.name} <StateOfNode node={{ ...daemon, suspect: false }} />
      </h1>
      <dl>
        <div>
          <dt>Peer</dt>
          <dd>
            <Copyable text={daemon.peerId} label="the peer id">
              {shortPeer(daemon.peerId)}
            </Copyable>
          </dd>
        </div>
        <div>
          <dt>Cluster</dt>
          <dd>{daemon.cluster}</dd>
        </div>
        {daemon.policy !== undefined && (
          <div>
            <dt>Policy</dt>
            <dd title={`applied ${new Date(daemon.policy.atMs).toLocaleString()} by ${daemon.policy.by}`}>
              {daemon.policy.name}, {count(daemon.policy.rules, 'rule')}
            </dd>
          </div>
        )}
        <DecidedPolicy title="Policy of the cluster" policy={daemon.governance?.policy} />
        <DecidedPolicy title="Policy of the network" policy={daemon.governance?.networkPolicy} />
        <DecidedSettings settings={daemon.governance?.configuration} />
        <div>
          <dt>Version</dt>
          <dd>{daemon.version}</dd>
        </div>
        <div>
          <dt>Up</dt>
          <dd>{formatDuration(Math.floor((daemon.uptimeMs + Math.max(0, nowMs.value - seenAtMs)) / 1000) * 1000)}</dd>
        </div>
      </dl>
    </div>
  )
}

function ConnectionMark() {
  const state = connection.value
  // The daemon is there; that it is not in this cluster is said where its view would be.
  if (lost.value !== undefined && trouble.value === undefined) return null
  const words = { live: 'Live', connecting: 'Connecting…', reconnecting: 'Reconnecting…', locked: '' }[state]
  return (
    <p class={`connection ${state}`} role="status" title={state === 'reconnecting' ? trouble.value : undefined}>
      <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
        {state === 'live' ? (
          <circle cx="8" cy="8" r="3.5" fill="currentColor" />
        ) : (
          <path d="M8 2.75A5.25 5.25 0 1 1 2.75 8" class="line turning" />
        )}
      </svg>
      {words}
      {state === 'reconnecting' && trouble.value !== undefined && <span class="trouble"> {trouble.value}</span>}
    </p>
  )
}
