/** The clusters that this daemon is in, side by side, and what each has of this machine. */
import type { ClusterPlaceView } from '../../../src/model/cluster-place.ts'
import { pathIn } from '../address.ts'
import { StateOfNode } from '../components/state.tsx'
import { Cell, Table } from '../components/table.tsx'
import { agreedIn, isShown } from '../clusters.ts'
import { formatBytes, formatCores } from '../format.ts'
import { cluster } from '../route.ts'
import { clusters } from '../store.ts'

const COLUMNS = [
  { name: 'Cluster' },
  { name: 'State' },
  { name: 'Nodes', numeric: true },
  { name: 'Running', numeric: true },
  { name: 'Reserved here' },
  { name: 'Network policy' },
]

/** Nothing when there is only one, or when whoever looks may know no more of them than their names. */
export function Clusters() {
  const all = clusters.value
  if (all.length < 2 || all.every(({ state }) => state === undefined)) return null
  return (
    <section class="part">
      <header class="part-head">
        <h2>Clusters</h2>
        <p class="muted">They share this machine: what one has reserved is not there for the others.</p>
      </header>
      <Table label="Clusters" class="clusters" columns={COLUMNS}>
        {all.map((place) => (
          <Row key={place.name} place={place} />
        ))}
      </Table>
    </section>
  )
}

function Row({ place }: { readonly place: ClusterPlaceView }) {
  const { name, first, problem, state, cordon, nodes, running, reserved, networkPolicy } = place
  return (
    <tr role="row" data-cluster={name}>
      <Cell of="Cluster" class="main">
        <a class="row-link" href={pathIn(first ? undefined : name)}>
          {name}
        </a>
        {first && <span class="tag">first</span>}
        {isShown(place, cluster.value) && <span class="tag">shown</span>}
        {problem !== undefined && <span class="sub bad">{problem}</span>}
      </Cell>
      <Cell of="State" class="state-cell">
        {problem !== undefined && <span class="bad">out</span>}
        {state !== undefined && <StateOfNode node={{ suspect: false, state, ...(cordon && { cordon }) }} />}
      </Cell>
      <Cell of="Nodes" numeric>
        {nodes}
      </Cell>
      <Cell of="Running" numeric>
        {running}
      </Cell>
      <Cell of="Reserved here">
        {reserved !== undefined && `${formatCores(reserved.cpuMilli)} cores, ${formatBytes(reserved.memoryBytes)}`}
      </Cell>
      <Cell of="Network policy" class="network-policy">
        {networkPolicy !== undefined && <NetworkPolicy place={place} {...networkPolicy} />}
      </Cell>
    </tr>
  )
}

interface NetworkPolicyProps {
  readonly place: ClusterPlaceView
  readonly name: string
  readonly sha256: string
}

function NetworkPolicy({ place, name, sha256 }: NetworkPolicyProps) {
  const others = agreedIn(place, clusters.value)
  return (
    <>
      {name} <code title={sha256}>{sha256.slice(0, 12)}</code>
      <span class="sub">{others.length === 0 ? 'in no other cluster here' : `the same in ${others.join(', ')}`}</span>
    </>
  )
}
