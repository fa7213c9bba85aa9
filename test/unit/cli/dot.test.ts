import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import type { PlaceView } from '../../../src/model/topology-view.ts'
import { drawDot } from '../../../src/cli/dot.ts'
import { requireOrSkip } from '../../support/require.ts'

const place = (name: string, more: Partial<PlaceView> = {}): PlaceView => ({
  ...{ peerId: `12D3${name}`, name, self: false, state: 'ready' },
  ...more,
})
const zone = (name: string) => ({ zone: { name, inferred: false } })

const MESH = {
  nodes: [
    place('me', { self: true, rtt: { ms: 0, source: 'measured' }, ...zone('attic') }),
    place('near', { rtt: { ms: 0.5, source: 'measured' }, ...zone('attic') }),
    place('far "one"\\N\n', { rtt: { ms: 153, source: 'estimated', error: 0.1 }, ...zone('~cellar"') }),
    place('gone', { state: 'offline' }),
  ],
}

describe('cli: topology --dot', () => {
  it('draws zones as clusters and round trips as edges', () => {
    const text = drawDot(MESH)
    assert.match(text, /subgraph cluster_0 \{\n {4}label="attic";\n {4}"12D3me" \[label="me", style="rounded,bold"\];/)
    assert.match(text, /"12D3me" -- "12D3near" \[label="0\.50 ms", len=0\.85\];/)
    assert.match(text, /label="153 ms ±10%", len=6\.68, style=dashed\];/)
    assert.match(text, /^ {2}"12D3gone" \[label="gone", style="rounded,dashed"\];$/m)
    assert.ok(!text.includes('-- "12D3gone"'), 'nothing is known of the way to it')
  })

  it('is what Graphviz takes, whatever names hold', function () {
    const found = spawnSync('dot', ['-V']).error === undefined
    requireOrSkip(this, found, 'Graphviz (dot) is not installed')
    const plain = execFileSync('dot', ['-Tplain'], { input: drawDot(MESH), encoding: 'utf8' })
    assert.equal(plain.match(/^node /gm)?.length, 4)
    assert.equal(plain.match(/^edge /gm)?.length, 2)
    assert.ok(plain.includes(String.raw`far \"one\"\\N`), plain)
  })
})
