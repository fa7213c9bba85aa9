/** Where everybody is: a picture by latency, and the same as a table. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { PlaceView, TopologyView } from '../../../src/model/topology-view.ts'
import { getTopology } from '../api.ts'
import { Empty } from '../components/facts.tsx'
import { State } from '../components/state.tsx'
import { Cell, Table } from '../components/table.tsx'
import { count, formatBytes, formatDomain } from '../format.ts'
import { layOut, type PlacedNode, type PlacedZone } from '../map.ts'
import { nodePath } from '../route.ts'
import { nodes, noteFailure } from '../store.ts'

/** Beyond so many nodes names would cover each other: they show on hover and focus, and in the table. */
const MOST_NAMED = 60

const COLUMNS = [
  { name: 'Node' },
  { name: 'State' },
  { name: 'Region' },
  { name: 'Zone' },
  { name: 'Round trip', numeric: true },
  { name: 'Basis' },
  { name: 'Receives', numeric: true },
  { name: 'Sends', numeric: true },
]

export function MapView() {
  const [view, setView] = useState<TopologyView>()
  // Read again whenever nodes were: events say that somebody came or went, and round trips change without.
  const seen = nodes.value
  useEffect(() => {
    let isCurrent = true
    getTopology().then(
      (next) => isCurrent && setView(next),
      (error: unknown) => isCurrent && noteFailure(error),
    )
    return () => void (isCurrent = false)
  }, [seen])
  if (view === undefined) return <p class="loading">Reading where everybody is…</p>
  const places = view.nodes.toSorted((a, b) => (a.rtt?.ms ?? Infinity) - (b.rtt?.ms ?? Infinity))
  return (
    <section class="part map-part">
      <header class="part-head">
        <h2>Map</h2>
        <p class="muted">
          Zones as far apart as their round trips. Lines lead to whom this node has measured. A ~ is inferred, not said
          by a label.
        </p>
      </header>
      {places.length === 0 ? <Empty title="Nobody is known yet" /> : <Picture places={places} />}
      <Table label="Nodes and where they are" class="places" columns={COLUMNS}>
        {places.map((place) => (
          <Row key={place.peerId} place={place} />
        ))}
      </Table>
    </section>
  )
}

function Picture({ places }: { readonly places: readonly PlaceView[] }) {
  const frame = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(Math.round(entry!.contentRect.width)))
    watcher.observe(frame.current!)
    return () => watcher.disconnect()
  }, [])
  const { zones, height } = useMemo(() => layOut(places, width), [places, width])
  const all = zones.flatMap((zone) => zone.nodes)
  const self = all.find(({ place }) => place.self)
  return (
    <div class="map" ref={frame}>
      {width > 0 && (
        <svg viewBox={`0 0 ${width} ${height}`} role="group" aria-label={summaryOf(zones)}>
          {zones.map((zone) => (
            <ZoneDisc key={zone.name ?? ''} zone={zone} />
          ))}
          {self !== undefined && all.map((node) => <Link key={node.place.peerId} from={self} to={node} />)}
          {all.map((node) => (
            <Dot key={node.place.peerId} node={node} named={all.length <= MOST_NAMED} />
          ))}
        </svg>
      )}
    </div>
  )
}

function summaryOf(zones: readonly PlacedZone[]): string {
  const parts = zones.map(({ name, nodes: inside }) => `${name ?? 'no known zone'}: ${count(inside.length, 'node')}`)
  return `Map of zones by latency. ${parts.join(', ')}. The table below says the same.`
}

function ZoneDisc({ zone }: { readonly zone: PlacedZone }) {
  const { name, inferred, x, y, radius } = zone
  return (
    <g class={`zone${inferred ? ' inferred' : ''}`} data-zone={name} aria-hidden="true">
      <circle cx={x} cy={y} r={radius} />
      <text x={x} y={y - radius - 6}>
        {name ?? 'zone not known'}
      </text>
    </g>
  )
}

function Link({ from, to }: { readonly from: PlacedNode; readonly to: PlacedNode }) {
  if (from === to || to.place.rtt?.source !== 'measured') return null
  return <line class="way" x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
}

function Dot({ node, named }: { readonly node: PlacedNode; readonly named: boolean }) {
  const { place, x, y } = node
  const { name, zone, self, state } = place
  const label = [name, zone && `zone ${formatDomain(zone)}`, self ? 'this node' : roundTrip(place), state].filter(
    Boolean,
  )
  return (
    <a
      class={`dot ${state}${self ? ' self' : ''}${named ? '' : ' quiet'}`}
      href={nodePath(place.peerId)}
      data-peer={place.peerId}
      aria-label={label.join(', ')}
    >
      <circle cx={x} cy={y} r={self ? 9 : 7} />
      <text x={x} y={y + 22}>
        {name}
      </text>
    </a>
  )
}

/** As `althing topology` shows it. */
function roundTrip({ rtt, self }: PlaceView): string | undefined {
  if (rtt === undefined || self) return undefined
  const digits = rtt.ms < 1 ? 2 : rtt.ms < 10 ? 1 : 0
  return `${rtt.ms.toFixed(digits)} ms${rtt.error === undefined ? '' : ` ±${Math.round(rtt.error * 100)}%`}`
}

function Row({ place }: { readonly place: PlaceView }) {
  const { peerId, name, self, state, region, zone, rtt, receive, send } = place
  const speed = (one: PlaceView['send']) => one && `${formatBytes(one.bytesPerSecond)}/s`
  return (
    <tr role="row" data-place={peerId}>
      <Cell of="Node">
        <a href={nodePath(peerId)}>{name}</a>
        {self && <span class="tag">this node</span>}
      </Cell>
      <Cell of="State">
        <State state={state} />
      </Cell>
      <Cell of="Region">{formatDomain(region)}</Cell>
      <Cell of="Zone">{formatDomain(zone)}</Cell>
      <Cell of="Round trip" numeric>
        {roundTrip(place)}
      </Cell>
      <Cell of="Basis">{self ? undefined : rtt?.source}</Cell>
      <Cell of="Receives" numeric>
        {speed(receive)}
      </Cell>
      <Cell of="Sends" numeric>
        {speed(send)}
      </Cell>
    </tr>
  )
}
