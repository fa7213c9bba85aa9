/** The first view: what the mesh has in all, its nodes, and the latest tasks. */
import { useMemo, useState } from 'preact/hooks'
import type { NodeView } from '../../../src/model/api.ts'
import { Gauge } from '../components/bar.tsx'
import { Command } from '../components/copy.tsx'
import { Empty } from '../components/facts.tsx'
import { StateOfNode } from '../components/state.tsx'
import { Cell, Table } from '../components/table.tsx'
import { commandIn } from '../clusters.ts'
import { cpuModel, nodeFilter, shortCpuModel, zoneOf } from '../filter.ts'
import { count, formatAge, formatBytes, formatCores, formatCount, formatPercent } from '../format.ts'
import { cluster, nodePath, pathTo } from '../route.ts'
import { nodeList, nowMs, status, taskList, type Seen } from '../store.ts'
import { Clusters } from './cluster-table.tsx'
import { NoTasks, TaskTable } from './task-table.tsx'

/** More rows than this help nobody; the filter does. */
const MAX_ROWS = 300
const LATEST_TASKS = 6

const COLUMNS = [
  { name: 'Node' },
  { name: 'State' },
  { name: 'Zone' },
  { name: 'CPU' },
  { name: 'Cores' },
  { name: 'Memory' },
  { name: 'Load' },
  { name: 'Tasks', numeric: true },
  { name: 'Heartbeat', numeric: true },
]

export function MeshView() {
  const [query, setQuery] = useState('')
  const matches = useMemo(() => nodeFilter(query), [query])
  const all = nodeList.value
  const shown = all.filter(({ value }) => matches(value))
  const latest = taskList.value.slice(0, LATEST_TASKS)
  return (
    <>
      <Summary />
      <section class="part">
        <header class="part-head">
          <h2>Nodes</h2>
          <input
            class="filter"
            type="search"
            placeholder="Filter: name, CPU, zone=attic, !gpu"
            aria-label="Filter nodes by text or label"
            value={query}
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
        </header>
        {shown.length > 0 && (
          <Table label="Nodes" class="nodes" columns={COLUMNS}>
            {shown.slice(0, MAX_ROWS).map((seen) => (
              <NodeRow key={seen.value.peerId} seen={seen} />
            ))}
          </Table>
        )}
        {shown.length > MAX_ROWS && (
          <p class="muted pad">
            {MAX_ROWS} of {formatCount(shown.length)} shown. Filter to see others.
          </p>
        )}
        {shown.length === 0 && (
          <Empty title={`No node matches “${query}”.`}>
            <button type="button" class="button" onClick={() => setQuery('')}>
              Show all {count(all.length, 'node')}
            </button>
          </Empty>
        )}
        {all.length <= 1 && <JoinHint />}
      </section>
      <section class="part">
        <header class="part-head">
          <h2>Latest tasks</h2>
          {taskList.value.length > latest.length && (
            <a href={pathTo('tasks')}>All {formatCount(taskList.value.length)} tasks</a>
          )}
        </header>
        {latest.length > 0 ? <TaskTable tasks={latest} label="Latest tasks" /> : <NoTasks />}
      </section>
      <Clusters />
    </>
  )
}

/** The mesh in four figures. */
function Summary() {
  const alive = nodeList.value.map(({ value }) => value).filter(({ state }) => state !== 'offline')
  const sum = (of: (node: NodeView) => number | undefined) => alive.reduce((total, node) => total + (of(node) ?? 0), 0)
  const cpu = { total: sum((node) => node.capacity?.cpuMilli), free: sum((node) => node.free?.cpuMilli) }
  const memory = { total: sum((node) => node.capacity?.memoryBytes), free: sum((node) => node.free?.memoryBytes) }
  const tasks = { running: 0, waiting: 0 }
  for (const { state } of taskList.value) {
    if (state === 'running') tasks.running++
    else if (state === 'queued' || state === 'awarded') tasks.waiting++
  }
  const offline = nodeList.value.length - alive.length
  return (
    <dl class="summary" aria-label="The mesh in all">
      <div>
        <dt>Nodes</dt>
        <dd>
          {alive.length}
          {offline > 0 && <small> + {offline} offline</small>}
        </dd>
      </div>
      <div>
        <dt>Cores free</dt>
        <dd>
          {formatCores(cpu.free)} <small>of {formatCores(cpu.total)}</small>
        </dd>
      </div>
      <div>
        <dt>Memory free</dt>
        <dd>
          {formatBytes(memory.free)} <small>of {formatBytes(memory.total)}</small>
        </dd>
      </div>
      <div>
        <dt>Tasks running</dt>
        <dd>
          {tasks.running}
          {tasks.waiting > 0 && <small> + {tasks.waiting} waiting</small>}
        </dd>
      </div>
    </dl>
  )
}

function NodeRow({ seen }: { readonly seen: Seen<NodeView> }) {
  const { value: node, seenAtMs } = seen
  const { capacity, free, cpuRatio, heartbeatAgeMs } = node
  const model = cpuModel(node)
  const gone = node.state === 'offline'
  return (
    <tr role="row" class={gone ? 'gone' : ''} data-peer={node.peerId}>
      <Cell of="Node" class="main">
        <a class="row-link" href={nodePath(node.peerId)}>
          {node.name}
        </a>
        {node.self && <span class="tag">this one</span>}
      </Cell>
      <Cell of="State" class="state-cell">
        <StateOfNode node={node} />
      </Cell>
      <Cell of="Zone" class="half">
        {zoneOf(node)}
      </Cell>
      <Cell of="CPU" class="model half">
        {model !== undefined && <span title={model}>{shortCpuModel(model)}</span>}
      </Cell>
      <Cell of="Cores" class="gauge-cell half">
        {capacity !== undefined && free !== undefined && (
          <Gauge ratio={used(free.cpuMilli, capacity.cpuMilli)}>
            {formatCores(free.cpuMilli)} <small>free of {formatCores(capacity.cpuMilli)}</small>
          </Gauge>
        )}
      </Cell>
      <Cell of="Memory" class="gauge-cell half">
        {capacity !== undefined && free !== undefined && (
          <Gauge ratio={used(free.memoryBytes, capacity.memoryBytes)}>
            {formatBytes(free.memoryBytes)} <small>free of {formatBytes(capacity.memoryBytes)}</small>
          </Gauge>
        )}
      </Cell>
      <Cell of="Load" class="gauge-cell load">
        {cpuRatio !== undefined && !gone && (
          <Gauge ratio={cpuRatio} kind="load">
            {formatPercent(cpuRatio)}
          </Gauge>
        )}
      </Cell>
      <Cell of="Tasks" numeric>
        {node.tasks}
      </Cell>
      <Cell of="Heartbeat" numeric>
        {heartbeatAgeMs !== undefined && (node.self ? '0 s' : <Age atMs={seenAtMs - heartbeatAgeMs} />)}
      </Cell>
    </tr>
  )
}

/** Only this ticks, not the row around it. */
function Age({ atMs }: { readonly atMs: number }) {
  return <>{formatAge(nowMs.value - atMs)}</>
}

function used(free: number, whole: number): number {
  return whole <= 0 ? 0 : 1 - free / whole
}

/** What a daemon is in that was not told another cluster. */
const DEFAULT_TAG = 'default'

/** How to make the mesh larger: by a ticket, or where nobody needs one with this daemon's real address. */
function JoinHint() {
  const { governance, open = false, cluster: tag = DEFAULT_TAG, addresses = [] } = status.value?.value ?? {}
  if (governance !== undefined && !open) {
    return (
      <Empty title="Alone so far. Add a machine by a ticket: make one here.">
        <Command text={commandIn(cluster.value, 'invite')} />
        <p class="muted">
          It is redeemed there: <code>althing join TICKET</code>
        </p>
      </Empty>
    )
  }
  const reachable = addresses.find((address) => !/^\/ip4\/127\.|^\/ip6\/::1\//.test(address))
  const address = reachable ?? addresses[0]
  return (
    <Empty title="Alone so far. Add a machine: run this on it.">
      {address !== undefined && (
        <Command text={`althing up ${tag === DEFAULT_TAG ? '' : `--cluster ${tag} `}--join ${address}`} />
      )}
      {address !== undefined && reachable === undefined && (
        <p class="muted">This daemon listens on loopback only, so the other one must be on this machine.</p>
      )}
      {address === undefined && <p class="muted">This daemon listens nowhere: see althing status.</p>}
    </Empty>
  )
}
