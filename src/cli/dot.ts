/** The mesh as a graph for Graphviz: zones as clusters, round trips from this node as edges. */
import type { PlaceView, TopologyView } from '../model/topology-view.ts'
import { formatRtt } from './format.ts'
import { printable } from './terminal.ts'

/** A graph in the DOT language (graphviz.org). `neato` lays it out by round trips, `dot` by zones. */
export function drawDot({ nodes }: TopologyView): string {
  const zones = Map.groupBy(nodes, ({ zone }) => zone?.name)
  const lines = ['graph althing {', '  graph [overlap=false, splines=true];', '  node [shape=box, style=rounded];']
  let clusters = 0
  for (const [zone, members] of [...zones].toSorted(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1))) {
    const drawn = members.map(drawNode)
    if (zone === undefined) lines.push(...drawn.map((line) => `  ${line}`))
    else {
      lines.push(`  subgraph cluster_${clusters++} {`, `    label=${quoted(zone)};`)
      lines.push(...drawn.map((line) => `    ${line}`), '  }')
    }
  }
  const self = nodes.find((node) => node.self)
  for (const node of nodes) if (self !== undefined && !node.self) lines.push(...drawEdge(self, node))
  return [...lines, '}'].join('\n')
}

function drawNode({ peerId, name, self, state }: PlaceView): string {
  const style = state === 'offline' ? ', style="rounded,dashed"' : self ? ', style="rounded,bold"' : ''
  return `${quoted(peerId)} [label=${quoted(name)}${style}];`
}

function drawEdge(self: PlaceView, { peerId, rtt }: PlaceView): string[] {
  if (rtt === undefined) return []
  const style = rtt.source === 'estimated' ? ', style=dashed' : ''
  // The lengths neato strives for are inches: the root keeps a LAN and an ocean on one sheet.
  const length = (0.5 + Math.sqrt(rtt.ms) / 2).toFixed(2)
  return [`  ${quoted(self.peerId)} -- ${quoted(peerId)} [label=${quoted(formatRtt(rtt))}, len=${length}${style}];`]
}

/** In a quoted string DOT knows one escape, that of the quote; but labels read further ones, as in `\n`. */
function quoted(text: string): string {
  return `"${printable(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
