/** `althing doctor` between real daemons on machines of their own, each with something wrong between them. */
import assert from 'node:assert/strict'
import type { DoctorStep, ReachabilityView } from '../../src/model/doctor.ts'
import { eventually, freshDataDir, runCli, startDaemon, type TestDaemon } from '../support/daemon.ts'
import type { DaemonOptions } from '../support/daemon.ts'
import type { NetnsNode } from '../support/netns.ts'
import { netnsLab } from '../support/netns-lab.ts'
import { requireOrSkip } from '../support/require.ts'

const SKEWED_CLOCK = new URL('../support/skewed-clock.cjs', import.meta.url).pathname

interface Diagnosis {
  readonly code: number
  readonly steps: DoctorStep[]
  /** The step that is named: the first that is broken. */
  readonly broken: DoctorStep | undefined
  readonly tookMs: number
}

async function diagnose(
  run: (...args: string[]) => ReturnType<TestDaemon['cli']>,
  ...words: string[]
): Promise<Diagnosis> {
  const startMs = performance.now()
  const { code, stdout, stderr } = await run('doctor', '--json', ...words)
  const tookMs = performance.now() - startMs
  assert.equal(stderr, '')
  const { steps } = JSON.parse(stdout) as { steps: DoctorStep[] }
  return { code, steps, broken: steps.find(({ outcome }) => outcome === 'broken'), tookMs }
}

const outcomes = ({ steps }: Diagnosis): Record<string, string> =>
  Object.fromEntries(steps.map(({ id, outcome }) => [id, outcome]))

describe('e2e: doctor', function () {
  this.timeout(90_000)
  const lab = netnsLab(['left', 'right', 'far'])
  let left: NetnsNode
  let right: NetnsNode
  beforeEach(async function () {
    ;[left, right] = lab.nodes as [NetnsNode, NetnsNode]
    const hasNft = await left.exec('nft', ['--version']).then(
      () => true,
      () => false,
    )
    requireOrSkip(this, hasNft, 'nft (nftables) is not installed')
  })

  const start = (node: NetnsNode, options: DaemonOptions = {}): Promise<TestDaemon> =>
    startDaemon({ name: node.name, mdns: false, spawn: (...args) => node.spawn(...args), ...options })
  /** The address of a daemon on the network between the nodes. */
  const addressOf = (daemon: TestDaemon, node: NetnsNode): string => {
    const found = daemon.status.addresses.find((text) => text.includes(`/ip4/${node.ip}/tcp/`))
    assert.ok(found, daemon.status.addresses.join())
    return found
  }
  const portOf = (address: string): string => /\/tcp\/(\d+)/.exec(address)![1]!
  /** A firewall rule inside a node, such as `input tcp dport 4100 drop`. */
  const firewall = (node: NetnsNode, hook: 'input' | 'output', rule: string): Promise<string> =>
    node.exec('nft', [
      `add table inet t; add chain inet t ${hook} { type filter hook ${hook} priority 0; };` +
        `add rule inet t ${hook} ${rule}`,
    ])
  const untilLinked = (daemon: TestDaemon, other: TestDaemon): Promise<unknown> =>
    eventually(`${daemon.name} to know ${other.name}`, async () => {
      const nodes = await daemon.get<{ peerId: string; connected: boolean }[]>('/v1/nodes')
      return nodes.some(({ peerId, connected }) => peerId === other.status.peerId && connected)
    })

  it('a pair that is well: every step is', async () => {
    const a = await start(left, { mdns: true })
    const b = await start(right, { mdns: true })
    await untilLinked(a, b)
    const pair = await diagnose(a.cli, 'right')
    assert.equal(pair.code, 0, JSON.stringify(pair.steps))
    assert.deepEqual([...new Set(Object.values(outcomes(pair)))], ['ok'])
    assert.ok(pair.tookMs < 15_000)
    const host = await diagnose(a.cli)
    assert.equal(host.code, 0, JSON.stringify(host.steps))
    assert.equal(outcomes(host)['multicast'], 'ok')
    assert.equal(outcomes(host)['neighbours'], 'ok')
  })

  it('no multicast on this side: the host and the pair both name it', async () => {
    const b = await start(right, { mdns: true })
    await firewall(left, 'output', 'udp dport 5353 drop')
    const a = await start(left, { mdns: true, join: [addressOf(b, right)] })
    await untilLinked(a, b)
    for (const words of [[], ['right']]) {
      const found = await diagnose(a.cli, ...words)
      assert.deepEqual([found.code, found.broken?.id], [1, 'multicast'], JSON.stringify(found.steps))
      assert.match(found.broken!.cause!, /this machine/)
      assert.ok(found.broken!.fix.some((line) => line.includes('5353')))
    }
  })

  it('no multicast on the other side: the pair names it, and whose it is', async () => {
    const b = await start(right, { mdns: true })
    await firewall(right, 'input', 'udp dport 5353 drop')
    const a = await start(left, { mdns: true, join: [addressOf(b, right)] })
    await untilLinked(a, b)
    const pair = await diagnose(a.cli, 'right')
    assert.deepEqual([pair.code, pair.broken?.id], [1, 'multicast'], JSON.stringify(pair.steps))
    assert.match(pair.broken!.cause!, /dropped there, or multicast on the way/)
  })

  it('a blocked port and one where nobody listens are told apart', async () => {
    const a = await start(left)
    const b = await start(right)
    const address = addressOf(b, right)
    await firewall(right, 'input', `tcp dport ${portOf(address)} drop`)
    const blocked = await diagnose(a.cli, address)
    assert.deepEqual([blocked.code, blocked.broken?.id], [1, 'dial'], JSON.stringify(blocked.steps))
    assert.match(blocked.broken!.cause!, /are dropped, by a firewall/)
    assert.ok(blocked.broken!.fix.some((line) => line.includes(`ufw allow ${portOf(address)}\``)))
    assert.equal(outcomes(blocked)['handshake'], 'skipped')
    const nobody = await diagnose(a.cli, `${right.ip}:9`)
    assert.deepEqual([nobody.code, nobody.broken?.id], [1, 'dial'], JSON.stringify(nobody.steps))
    assert.match(nobody.broken!.cause!, /nothing listens on its TCP port 9/)
  })

  it('blocked datagrams: a warning that says on which side, and no failure', async () => {
    const a = await start(left)
    const b = await start(right, { join: [addressOf(a, left)] })
    await untilLinked(a, b)
    assert.match((await diagnose(a.cli, 'right')).steps.find(({ id }) => id === 'probes')!.found, /UDP both ways/)
    await firewall(right, 'input', 'udp dport != 53 drop')
    const pair = await diagnose(a.cli, 'right')
    assert.deepEqual([pair.code, outcomes(pair)['probes']], [0, 'warning'], JSON.stringify(pair.steps))
    const probesOf = ({ steps }: Diagnosis) => steps.find(({ id }) => id === 'probes')!
    assert.match(probesOf(pair).found, /over the control stream instead/)
    assert.match(probesOf(pair).cause!, /on the side of right, or on the way/)
    assert.match(probesOf(await diagnose(b.cli, 'left')).cause!, /UDP is dropped on this side/)
    assert.equal(outcomes(await diagnose(a.cli))['probes'], 'warning')
  })

  it('another cluster: both are named, and the connection is not kept', async () => {
    const a = await start(left, { cluster: 'attic' })
    const b = await start(right, { cluster: 'cellar' })
    const pair = await diagnose(a.cli, addressOf(b, right))
    assert.deepEqual([pair.code, pair.broken?.id], [1, 'cluster'], JSON.stringify(pair.steps))
    assert.match(pair.broken!.found, /of cluster cellar, this node of cluster attic/)
    assert.equal(outcomes(pair)['records'], 'skipped')
    await eventually(
      'the connection to end',
      async () => (await a.get<{ peers: string[] }>('/v1/status')).peers.length === 0,
    )
  })

  for (const [skewMs, side] of [
    [90_000, 'ahead of'],
    [-90_000, 'behind'],
  ] as const) {
    it(`a clock that is 90 s ${side} ours`, async () => {
      const a = await start(left)
      const env = { NODE_OPTIONS: `--require ${SKEWED_CLOCK}`, SKEWED_CLOCK_MS: String(skewMs) }
      const b = await start(right, { env, join: [addressOf(a, left)] })
      await eventually('a link', async () => (await a.get<{ peers: string[] }>('/v1/status')).peers.length === 1)
      for (const words of [[addressOf(b, right)], []]) {
        const found = await diagnose(a.cli, ...words)
        assert.deepEqual([found.code, found.broken?.id], [1, 'clock'], JSON.stringify(found.steps))
        assert.match(found.broken!.found, new RegExp(`(90\\.0|89\\.9) s ${side} this one`))
        const { measured } = found.broken!
        const measuredMs = Number(measured['offsetMs'] ?? measured['worstMs'])
        assert.ok(Math.abs(measuredMs - skewMs) < 200, String(measuredMs))
      }
    })
  }

  it('a port at which something else answers', async () => {
    const a = await start(left)
    const script = `const { createServer } = require('node:net')
      const greet = (one) => one.on('error', () => {}).end('SSH-2.0-x\\r\\n')
      createServer(greet).listen(7000, () => console.log('up'))`
    const other = right.spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((done) => other.stdout!.once('data', done))
    const pair = await diagnose(a.cli, `${right.ip}:7000`)
    assert.deepEqual([pair.code, pair.broken?.id], [1, 'handshake'], JSON.stringify(pair.steps))
  })

  it('another daemon than the address names', async () => {
    const a = await start(left)
    const b = await start(right)
    const wrong = addressOf(b, right).replace(b.status.peerId, a.status.peerId.replace(/.{4}$/, 'aaaa'))
    const pair = await diagnose(a.cli, wrong)
    assert.deepEqual([pair.code, pair.broken?.id], [1, 'handshake'], JSON.stringify(pair.steps))
    assert.match(pair.broken!.found, /another peer answers/)
  })

  it('an address that is said to be of a linked daemon, and is of another', async () => {
    const a = await start(left)
    const b = await start(right, { join: [addressOf(a, left)] })
    const c = await start(lab.nodes[2]!, { join: [addressOf(a, left)] })
    await untilLinked(a, b)
    await untilLinked(a, c)
    const well = await diagnose(a.cli, addressOf(b, right))
    assert.equal(well.code, 0, JSON.stringify(well.steps))
    const wrong = await diagnose(a.cli, addressOf(c, lab.nodes[2]!).replace(c.status.peerId, b.status.peerId))
    assert.deepEqual([wrong.code, wrong.broken?.id], [1, 'handshake'], JSON.stringify(wrong.steps))
    assert.match(wrong.broken!.found, /is linked by \/ip4\/10\.77\.0\.\d.*, but something else answers at/)
  })

  it('without a daemon: as far as it gets', async () => {
    const b = await start(right)
    const address = addressOf(b, right)
    const dataDir = freshDataDir()
    const alone = (...args: string[]) =>
      runCli([...args, '--data-dir', dataDir], {}, { spawn: (...words) => left.spawn(...words) })
    const pair = await diagnose(alone, address)
    assert.deepEqual([pair.code, pair.broken?.id], [1, 'daemon'], JSON.stringify(pair.steps))
    const { dial, handshake, cluster, multicast } = outcomes(pair)
    assert.deepEqual(
      { dial, handshake, cluster, multicast },
      { dial: 'ok', handshake: 'ok', cluster: 'skipped', multicast: 'ok' },
    )
    const host = await diagnose(alone)
    assert.deepEqual([host.code, host.broken?.id], [1, 'daemon'])
    assert.equal(outcomes(host)['data-directory'], 'ok')
  })

  it('a member that died: it is named, and multicast is not blamed', async () => {
    const a = await start(left)
    const b = await start(right, { join: [addressOf(a, left)] })
    await untilLinked(a, b)
    await b.kill()
    const host = await eventually('the loss to be known', async () => {
      const found = await diagnose(a.cli)
      return found.steps.some((step) => step.id === 'neighbours' && step.found.includes('offline')) && found
    })
    const { found, cause } = host.steps.find(({ id }) => id === 'neighbours')!
    assert.equal(found, 'none; offline: right')
    assert.match(cause!, /are off, or it is cut off/)
  })

  it('the matrix of three: who sees whom, and with what round trip', async () => {
    const far = lab.nodes[2]!
    const a = await start(left)
    const b = await start(right, { join: [addressOf(a, left)] })
    const c = await start(far, { join: [addressOf(a, left)] })
    await untilLinked(a, b)
    await untilLinked(a, c)
    const cellOf = ({ rows }: ReachabilityView, from: TestDaemon, to: TestDaemon) =>
      rows.find(({ peerId }) => peerId === from.status.peerId)?.cells.find(({ peerId }) => peerId === to.status.peerId)
    const see = async (): Promise<ReachabilityView> => {
      const { stdout } = await a.cli('doctor', '--matrix', '--json')
      return JSON.parse(stdout) as ReachabilityView
    }
    const whole = await eventually('everyone to see everyone', async () => {
      const view = await see()
      const pairs = [a, b, c].flatMap((from) =>
        [a, b, c].filter((to) => to !== from).map((to) => cellOf(view, from, to)),
      )
      return pairs.every((cell) => cell?.way === 'direct' && cell.rttMs !== undefined) && view
    })
    assert.deepEqual(
      whole.rows.map(({ name, source }) => [name, source]),
      [
        ['left', 'self'],
        ['far', 'told'],
        ['right', 'told'],
      ],
    )
    const { stdout, code } = await a.cli('doctor', '--matrix')
    assert.equal(code, 0)
    assert.match(stdout, /^left +· +direct \d/m)
  })
})
