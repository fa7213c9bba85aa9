/** One node: what it is made of, what it says of itself, and what it runs. */
import type { ComponentChildren } from 'preact'
import type { NodeView } from '../../../src/model/api.ts'
import { Gauge } from '../components/bar.tsx'
import { Copyable } from '../components/copy.tsx'
import { Chips, Empty, Facts, Panel, type Fact } from '../components/facts.tsx'
import { sayCordon, StateOfNode } from '../components/state.tsx'
import { count, formatAge, formatBytes, formatCores, formatPercent } from '../format.ts'
import { hardwareOf, type LooseHardware } from '../hardware.ts'
import { pathTo } from '../route.ts'
import { nodes, nowMs, taskList, type Seen } from '../store.ts'
import { TaskTable } from './task-table.tsx'

const TASKS_SHOWN = 20
/** Labels of node-feature-discovery: dozens, and seldom looked for. */
const DERIVED = 'feature.node.kubernetes.io/'

export function NodeDetail({ id }: { readonly id: string }) {
  const seen = nodes.value.get(id)
  if (seen === undefined) {
    return (
      <Empty title="No such node.">
        <p class="muted">
          No node with the peer id <code>{id}</code> is known here; it may have left long ago.
        </p>
        <a class="button" href={pathTo()}>
          All nodes
        </a>
      </Empty>
    )
  }
  const node = seen.value
  const hardware = hardwareOf(node.hardware)
  const tasks = taskList.value.filter((task) => task.node === id).slice(0, TASKS_SHOWN)
  return (
    <article class="detail">
      <header class="detail-head">
        <div>
          <p class="crumb">
            <a href={pathTo()}>Nodes</a> / <Copyable text={node.peerId} label="the peer id" />
          </p>
          <h2>
            {node.name} <StateOfNode node={node} />
            {node.cordon !== undefined && <span class="tag">{sayCordon(node.cordon)}</span>}
            {node.self && <span class="tag">this one</span>}
            {node.auditAlarm !== undefined && <span class="tag">audit log {node.auditAlarm}</span>}
          </h2>
        </div>
      </header>
      <div class="columns">
        <Panel title="Now">
          <Facts facts={nowFacts(seen)} />
        </Panel>
        <Panel title="Hardware">
          {hardware === undefined ? (
            <p class="muted pad">Its passport names none.</p>
          ) : (
            <Facts facts={hardwareFacts(hardware)} />
          )}
        </Panel>
        <Panel title="Labels">
          <Pairs pairs={node.labels} />
        </Panel>
        <Panel title="Reach">
          <Facts facts={reachFacts(node)} />
        </Panel>
        <Panel title="Capabilities">
          <Chips words={node.capabilities} />
        </Panel>
        <Panel title="Passports">
          <Chips words={node.passports} />
        </Panel>
        {Object.keys(node.annotations).length > 0 && (
          <Panel title="Annotations">
            <Pairs pairs={node.annotations} />
          </Panel>
        )}
      </div>
      {tasks.length > 0 && (
        <section class="part">
          <header class="part-head">
            <h2>Tasks there</h2>
          </header>
          <TaskTable tasks={tasks} label={`Tasks on ${node.name}`} />
        </section>
      )}
    </article>
  )
}

function nowFacts({ value: node, seenAtMs }: Seen<NodeView>): Fact[] {
  const { capacity, free, cpuRatio, heartbeatAgeMs, heartbeatIntervalMs, uptimeMs } = node
  const since = Math.max(0, nowMs.value - seenAtMs)
  const every = heartbeatIntervalMs === undefined ? '' : `, every ${formatAge(heartbeatIntervalMs)}`
  const gauge = (left: number, whole: number, show: (amount: number) => string): ComponentChildren => (
    <Gauge ratio={whole <= 0 ? 0 : 1 - left / whole}>
      {show(left)} <small>free of {show(whole)}</small>
    </Gauge>
  )
  return [
    ['Cores', capacity !== undefined && free !== undefined && gauge(free.cpuMilli, capacity.cpuMilli, formatCores)],
    [
      'Memory',
      capacity !== undefined && free !== undefined && gauge(free.memoryBytes, capacity.memoryBytes, formatBytes),
    ],
    [
      'CPU in use',
      cpuRatio !== undefined && (
        <Gauge ratio={cpuRatio} kind="load">
          {formatPercent(cpuRatio)}
        </Gauge>
      ),
    ],
    ['Memory available', node.memoryAvailableBytes !== undefined && formatBytes(node.memoryAvailableBytes)],
    ['Tasks', node.tasks !== undefined && String(node.tasks)],
    [
      'Heartbeat',
      heartbeatAgeMs !== undefined && (node.self ? 'its own' : `${formatAge(heartbeatAgeMs + since)} ago${every}`),
    ],
    ['Up', uptimeMs !== undefined && formatAge(uptimeMs + since)],
    ['Version', node.version],
  ]
}

function hardwareFacts({ cpu, memory, os, disks, interfaces }: LooseHardware): Fact[] {
  const limit = cpu?.limitMilli === undefined ? '' : `, ${formatCores(cpu.limitMilli)} usable`
  return [
    ['CPU', cpu?.model],
    [
      'Cores',
      cpu?.physicalCores !== undefined && `${cpu.physicalCores} physical, ${cpu.logicalCores ?? '?'} logical${limit}`,
    ],
    ['Clock', cpu?.maxMHz !== undefined && `up to ${(cpu.maxMHz / 1000).toFixed(2)} GHz`],
    ['Memory', memory?.totalBytes !== undefined && memoryWords(memory.totalBytes, memory.limitBytes)],
    ['System', [os?.distribution, os?.version].filter(Boolean).join(' ')],
    ['Kernel', [os?.kernel, os?.arch].filter(Boolean).join(' · ')],
    ['Host name', os?.hostname],
    ['Disks', lines(disks?.map((disk) => diskWords(disk)))],
    [
      'Network',
      lines(interfaces?.map(({ name, addresses }) => `${name ?? '?'}: ${addresses?.join(', ') || 'no address'}`)),
    ],
    [
      'Instruction sets',
      cpu?.features !== undefined && cpu.features.length > 0 && (
        <span class="wrap-words">{cpu.features.join(' ')}</span>
      ),
    ],
  ]
}

function memoryWords(total: number, limit: number | undefined): string {
  return limit === undefined ? formatBytes(total) : `${formatBytes(total)}, limited to ${formatBytes(limit)}`
}

function diskWords(disk: NonNullable<LooseHardware['disks']>[number]): string {
  const size = disk.sizeBytes === undefined ? '' : ` ${formatBytes(disk.sizeBytes)}`
  const free = disk.freeBytes === undefined ? '' : `, ${formatBytes(disk.freeBytes)} free`
  const mount = disk.mount === undefined ? '' : ` at ${disk.mount}${free}`
  return `${disk.name ?? '?'}${size}${mount}`
}

function lines(texts: readonly string[] | undefined): ComponentChildren {
  if (texts === undefined || texts.length === 0) return undefined
  return (
    <ul class="lines">
      {texts.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  )
}

function reachFacts(node: NodeView): Fact[] {
  return [
    ['Connected', node.self ? 'this daemon' : node.connected ? 'yes, directly' : 'no'],
    [
      'Addresses',
      node.addresses.length > 0 && (
        <ul class="lines addresses">
          {node.addresses.map((address) => (
            <li key={address}>
              <Copyable text={address} label="the address" />
            </li>
          ))}
        </ul>
      ),
    ],
    ['Drivers', node.drivers.length > 0 ? node.drivers.join(', ') : 'none'],
    ['CPU limits held by', node.enforcement?.cpu],
    ['Memory limits held by', node.enforcement?.memory],
    ['Isolation by', node.isolation],
  ]
}

function Pairs({ pairs }: { readonly pairs: Readonly<Record<string, string>> }) {
  const entries = Object.entries(pairs).toSorted(([a], [b]) => a.localeCompare(b))
  const derived = entries.filter(([key]) => key.startsWith(DERIVED))
  const own = entries.filter(([key]) => !key.startsWith(DERIVED))
  if (entries.length === 0) return <p class="muted pad">None.</p>
  return (
    <>
      <PairList entries={own} />
      {derived.length > 0 && (
        <details class="more-pairs">
          <summary>{count(derived.length, 'label')} read from the hardware</summary>
          <PairList entries={derived} />
        </details>
      )}
    </>
  )
}

function PairList({ entries }: { readonly entries: readonly (readonly [string, string])[] }) {
  return (
    <ul class="pairs">
      {entries.map(([key, value]) => (
        <li key={key}>
          <code>
            <span class="pair-key">{key}</span>={value}
          </code>
        </li>
      ))}
    </ul>
  )
}
