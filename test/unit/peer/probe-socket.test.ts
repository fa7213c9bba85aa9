import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { MAX_PROBES_IN_FLIGHT } from '../../../src/peer/limits.ts'
import { ProbeSocket } from '../../../src/peer/probe-socket.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { encodeProbe, probeKey, type ProbeKey, type ProbeMessage } from '../../../src/wire/probe.ts'
import { createNetns, netnsUnavailable } from '../../support/netns.ts'
import type { NetnsLab } from '../../support/netns.ts'
import { requireOrSkip } from '../../support/require.ts'
import { until } from '../../support/until.ts'

const END = fileURLToPath(new URL('./children/probe-end.ts', import.meta.url))
const FLOOD = fileURLToPath(new URL('./children/junk-flood.ts', import.meta.url))
const HERE = '127.0.0.1'
const SUBJECT = '12D3KooW9pP4Seg3kZYhySpuVjn1RPdQBsUFZKiFxGMGQN5MeL6A'

const ping = (nonce: number): ProbeMessage => ({ type: 'ping', nonce, suspects: undefined })

/** A socket that answers pings and remembers what came. */
class End {
  readonly came: { peer: string; message: ProbeMessage }[] = []
  readonly ponged = new Set<string>()
  /** What else is to happen on a message. */
  onMessage = (_peer: string, _message: ProbeMessage): void => {}
  port = 0
  /** Where datagrams may come from. */
  allowHost = (_host: string): boolean => true
  readonly socket = new ProbeSocket({
    allowHost: (host) => this.allowHost(host),
    log: SILENT,
    onMessage: (peer, message) => {
      this.came.push({ peer, message })
      if (message.type === 'ping') this.socket.send(peer, { type: 'pong', nonce: message.nonce })
      if (message.type === 'pong') this.ponged.add(`${peer} ${message.nonce}`)
      this.onMessage(peer, message)
    },
  })

  async open(port = 0): Promise<this> {
    this.port = (await this.socket.open({ port })) ?? 0
    assert.ok(this.port > 0, 'no UDP here')
    return this
  }

  stat(name: string): number {
    return this.socket.stats()[name] ?? 0
  }
}

/** What a hello would do: each tells the other its port and a key. `names`: what a calls b, and b calls a. */
function introduce(a: End, b: End, names: readonly [string, string], host = HERE): void {
  const keyForB = a.socket.expect(names[0]) as Uint8Array
  const keyForA = b.socket.expect(names[1]) as Uint8Array
  assert.ok(a.socket.learn(names[0], { host, port: b.port, key: keyForA }))
  assert.ok(b.socket.learn(names[1], { host, port: a.port, key: keyForB }))
}

/** A peer written by hand, with its own socket and the key it was told. */
class Hand {
  readonly socket: Socket
  readonly key: ProbeKey
  readonly came: Buffer[] = []
  readonly #to: End
  #counter = 0

  static async meet(to: End, name: string, at: string = HERE, key?: ProbeKey): Promise<Hand> {
    const socket = createSocket('udp4')
    socket.bind(0, at)
    await once(socket, 'listening')
    return new Hand(to, socket, key ?? probeKey(to.socket.expect(name) as Uint8Array))
  }

  private constructor(to: End, socket: Socket, key: ProbeKey) {
    this.#to = to
    this.socket = socket
    this.key = key
    socket.on('message', (bytes) => this.came.push(bytes))
  }

  write(message: ProbeMessage, key = this.key): Uint8Array {
    this.#counter += 1
    return encodeProbe(message, key, this.#counter)
  }

  send(bytes: Uint8Array): void {
    this.socket.send(bytes, this.#to.port, HERE)
  }
}

describe('peer: probe socket', () => {
  const ends: End[] = []
  const hands: Hand[] = []
  const children: ChildProcess[] = []

  async function end(port = 0): Promise<End> {
    const made = new End()
    ends.push(made)
    return made.open(port)
  }

  async function hand(...args: Parameters<typeof Hand.meet>): Promise<Hand> {
    const made = await Hand.meet(...args)
    hands.push(made)
    return made
  }

  afterEach(async () => {
    for (const { socket } of hands.splice(0)) socket.close()
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await Promise.all(ends.splice(0).map(async ({ socket }) => socket.close()))
  })

  it('brings every kind of message to the peer it is for, under the name it has there', async () => {
    const [a, b] = [await end(), await end()]
    introduce(a, b, ['b', 'a'])
    const sent: ProbeMessage[] = [
      { type: 'ping', nonce: 1, suspects: { epoch: 1_700_000_000, incarnation: 2 } },
      { type: 'ask', nonce: 2, subject: SUBJECT },
      { type: 'asked', nonce: 2, subject: SUBJECT },
    ]
    for (const message of sent) assert.equal(a.socket.send('b', message), true)
    await until('all three and the pong', () => b.came.length === 3 && a.came.length === 1)
    assert.deepEqual(
      b.came,
      sent.map((message) => ({ peer: 'a', message })),
    )
    assert.deepEqual(a.came, [{ peer: 'b', message: { type: 'pong', nonce: 1 } }])
    assert.deepEqual(a.socket.stats(), { probe_out_total: 3, probe_in_total: 1, probe_keys: 1 })
  })

  it('shares its number with a TCP server, and takes another when it is taken by UDP', async () => {
    const server = createServer().listen(0)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      assert.equal((await end(port)).port, port)
      const second = await end(port)
      assert.notEqual(second.port, port)
      assert.equal(await second.socket.open({ port: 1 }), second.port, 'open twice is open once')
    } finally {
      server.close()
    }
  })

  it('speaks IPv6 on the same port', async function () {
    const loopbacks = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    requireOrSkip(
      this,
      loopbacks.some(({ address }) => address === '::1'),
      'this machine has no ::1',
    )
    const [a, b] = [await end(), await end()]
    introduce(a, b, ['b6', 'a6'], '::1')
    introduce(a, b, ['b4', 'a4'], '::ffff:127.0.0.1')
    a.socket.send('b6', ping(6))
    a.socket.send('b4', ping(4))
    await until('both answers', () => a.ponged.has('b6 6') && a.ponged.has('b4 4'))
  })

  it('says so, and throws nothing, when nothing can be bound', async () => {
    const warnings: object[] = []
    const log = { ...SILENT, warn: (fields: object) => void warnings.push(fields), child: () => log }
    const socket = new ProbeSocket({ log, onMessage: () => {} })
    const key = socket.expect('b') as Uint8Array
    socket.learn('b', { host: HERE, port: 4100, key })
    assert.equal(socket.send('b', ping(1)), false, 'not open yet')
    // Addresses kept for documentation (RFC 5737, RFC 3849), which no machine has.
    const hosts = { udp4: '192.0.2.1', udp6: '2001:db8::1' }
    assert.equal(await socket.open({ port: 0, hosts }), undefined)
    assert.equal(warnings.length, 1)
    assert.equal(socket.send('b', ping(1)), false)
    await socket.close()
  })

  it('does with one family, on the one address it is given', async () => {
    const [a, b] = [await end(), await end()]
    await b.socket.close()
    b.port = (await b.socket.open({ port: 0, hosts: { udp4: HERE } })) as number
    introduce(a, b, ['b', 'a'])
    introduce(a, b, ['b6', 'a6'], '::1')
    assert.equal(b.socket.send('a6', ping(1)), false)
    a.socket.send('b', ping(1))
    await until('the answer', () => a.ponged.has('b 1'))
  })

  it('sends nothing to whom it does not know, or no more', async () => {
    const [a, b] = [await end(), await end()]
    assert.equal(a.socket.send('b', ping(1)), false)
    introduce(a, b, ['b', 'a'])
    assert.equal(a.socket.send('b', { type: 'ping', nonce: -1, suspects: undefined }), false)
    assert.equal(a.stat('probe_unsendable_total'), 1)
    a.socket.forget('b')
    assert.equal(a.socket.send('b', ping(1)), false)
    assert.equal(b.socket.send('a', ping(2)), true)
    await until('the refusal', () => a.stat('probe_refused_unknown_key_total') === 1)
    assert.deepEqual(a.came, [])
  })

  it('takes nothing from where it may not, whoever sent it', async () => {
    const [a, b] = [await end(), await end()]
    introduce(a, b, ['b', 'a'])
    a.allowHost = (host) => host !== HERE
    b.socket.send('a', ping(1))
    await until('the refusal', () => a.stat('probe_refused_public_total') === 1)
    assert.deepEqual(a.came, [])
    a.allowHost = () => true
    b.socket.send('a', ping(2))
    await until('the next', () => a.came.length === 1)
  })

  it('refuses and counts what is replayed, altered, cut short, under a foreign key, of another version', async () => {
    const b = await end()
    const mallory = await hand(b, 'mallory')
    const stranger = probeKey(new Uint8Array(32))
    const original = mallory.write(ping(1))
    const changed = (at: number): Uint8Array => {
      const copy = Uint8Array.from(mallory.write(ping(2)))
      copy[at] = (copy[at] as number) ^ 1
      return copy
    }
    const malformed = mallory.write(ping(3), { ...mallory.key, secret: stranger.secret })
    const bad: [string, Uint8Array][] = [
      ['replay', original],
      ['bad_tag', changed(20)],
      ['bad_tag', malformed],
      ['bad_size', original.subarray(0, -2)],
      ['bad_size', new Uint8Array(0)],
      ['bad_size', new Uint8Array(1_400)],
      ['unknown_key', mallory.write(ping(4), stranger)],
      ['bad_version', changed(0)],
      ['malformed', Uint8Array.from(original).fill(0, 10, 18)],
    ]
    mallory.send(original)
    await until('the one that is good', () => b.came.length === 1)
    const expected: Record<string, number> = {}
    for (const [reason, bytes] of bad) {
      const name = `probe_refused_${reason}_total`
      expected[name] = (expected[name] ?? 0) + 1
      mallory.send(bytes)
      await until(`${reason}, ${bytes.length} bytes`, () => b.stat(name) === expected[name])
    }
    assert.equal(b.came.length, 1)
    assert.deepEqual(b.socket.stats(), { ...expected, probe_in_total: 1, probe_keys: 1 })
    assert.deepEqual(mallory.came, [], 'what is refused is not answered')
  })

  it('answers to the host it learnt, not to where a datagram came from', async function () {
    requireOrSkip(this, process.platform === 'linux', 'only Linux has all of 127.0.0.0/8 on its loopback')
    const b = await end()
    const elsewhere = await hand(b, 'mallory', '127.0.0.2')
    const home = await hand(b, 'mallory', HERE, elsewhere.key)
    const key = new Uint8Array(32)
    b.socket.learn('mallory', { host: HERE, port: home.socket.address().port, key })
    elsewhere.send(elsewhere.write(ping(1)))
    await until('the answer at home', () => home.came.length === 1)
    assert.equal(b.stat('probe_out_total'), 1)
    assert.deepEqual(elsewhere.came, [])

    // The same host by another port, as behind an address translator: answered there.
    const translated = await hand(b, 'mallory', HERE, elsewhere.key)
    translated.send(encodeProbe(ping(2), elsewhere.key, 2))
    await until('the answer where it came from', () => translated.came.length === 1)
    assert.equal(home.came.length, 1)
  })

  it('outlives a handler that throws, ports where nobody listens, and hosts it cannot send to', async () => {
    const [a, b] = [await end(), await end()]
    introduce(a, b, ['b', 'a'])
    b.onMessage = (_peer, { nonce }) => {
      if (nonce === 1) throw new Error('planted')
    }
    const gone = await end()
    introduce(a, gone, ['gone', 'a'])
    await gone.socket.close()
    a.socket.learn('broadcast', { host: '255.255.255.255', port: 4100, key: new Uint8Array(32) })
    for (let nonce = 1; nonce <= 10; nonce++)
      for (const peer of ['gone', 'broadcast', 'b']) a.socket.send(peer, ping(nonce))
    await until('all ten answers', () => a.ponged.size === 10)
    await until('what failed', () => a.stat('probe_send_failed_total') === 10)
    assert.equal(b.stat('probe_handler_failed_total'), 1)
  })

  it('drops what the network cannot take at once, and says so', async () => {
    const [a, b] = [await end(), await end()]
    introduce(a, b, ['b', 'a'])
    const went = Array.from({ length: MAX_PROBES_IN_FLIGHT + 10 }, (_, nonce) => a.socket.send('b', ping(nonce)))
    assert.equal(went.filter((one) => !one).length, 10)
    assert.equal(a.stat('probe_dropped_total'), 10)
    await until('room again', () => a.socket.send('b', ping(5_000)))
  })

  it('lets the process end once it is closed', async () => {
    const child = spawn(process.execPath, [END], { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout, 'data')
    child.stdin.end()
    const [code] = (await once(child, 'exit', { signal: AbortSignal.timeout(5_000) })) as [number | null]
    assert.equal(code, 0)
  })

  it('goes on answering an honest peer through 50,000 datagrams of junk', async () => {
    const [a, b] = [await end(), await end()]
    introduce(a, b, ['b', 'a'])
    const mallory = await hand(b, 'mallory')
    // Elsewhere than the honest peer's host, where there is such a place.
    const isLinux = process.platform === 'linux'
    const claimed = isLinux ? [Buffer.from(mallory.key.id, 'latin1').toString('hex')] : []
    const flood = spawn(process.execPath, [FLOOD, `${b.port}`, '50000', isLinux ? '127.0.0.2' : HERE, ...claimed], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(flood)
    await until('the flood to begin', () => b.stat('probe_refused_bad_size_total') > 0, 20_000)
    let isOver = false
    flood.once('exit', () => (isOver = true))
    const startMs = performance.now()
    let answeredInFlood = 0
    for (let nonce = 0; nonce < 100; nonce++) {
      let nextMs = 0
      // Probes are repeated when they are lost, as the protocol above does; a few of them are, in the full buffer.
      await until(`the answer to ${nonce}`, () => {
        if (performance.now() >= nextMs) a.socket.send('b', ping(nonce))
        if (performance.now() >= nextMs) nextMs = performance.now() + 50
        return a.ponged.has(`b ${nonce}`)
      })
      if (!isOver) answeredInFlood++
    }
    const tookMs = performance.now() - startMs
    await until('the end of the flood', () => isOver, 20_000)
    const refused = Object.entries(b.socket.stats()).filter(([name]) => name.startsWith('probe_refused'))
    const seen = refused.reduce((sum, [, count]) => sum + count, 0)
    console.log(
      `      100 answers in ${tookMs.toFixed(0)} ms, ${answeredInFlood} of them before the flood ended; ` +
        `${a.stat('probe_out_total')} pings sent; of the junk the kernel let ${seen} through`,
    )
    assert.ok(answeredInFlood > 0)
    assert.equal(b.stat('probe_refused_bad_tag_total') > 0, isLinux, 'the claims of a key were checked')
    assert.ok(seen > 100)
  }).timeout(60_000)

  it('costs little: prints what 1,000 pings a second and their answers take', async () => {
    const PEERS = 10
    const SECONDS = 2
    const [a, b] = [await end(), await end()]
    for (let peer = 0; peer < PEERS; peer++) introduce(a, b, [`b${peer}`, `a${peer}`])
    const before = process.cpuUsage()
    const startMs = performance.now()
    let sent = 0
    const ticking = setInterval(() => {
      const due = Math.min(SECONDS, (performance.now() - startMs) / 1000) * 1_000
      for (; sent < due; sent++) a.socket.send(`b${sent % PEERS}`, ping(sent))
    }, 10)
    await until('all answers', () => a.ponged.size === SECONDS * 1_000, 10_000)
    clearInterval(ticking)
    const { user, system } = process.cpuUsage(before)
    const coreShare = (user + system) / 10 / (performance.now() - startMs)
    console.log(`      ${SECONDS * 1_000} pings and pongs, both ends: ${coreShare.toFixed(1)} % of one core`)
  }).timeout(20_000)

  describe('where a quarter of all packets is lost', function () {
    this.timeout(60_000)
    let lab: NetnsLab | undefined

    before(async function () {
      const reason = await netnsUnavailable()
      requireOrSkip(this, reason === undefined, reason ?? '')
      lab = await createNetns(['left', 'right'])
    })
    after(async () => lab?.close())

    it('brings a ping and its answer through as often as chance has it', async function () {
      const [left, right] = (lab as NetnsLab).nodes
      assert.ok(left !== undefined && right !== undefined)
      const rule = `add table inet lossy
        add chain inet lossy in { type filter hook input priority 0; }
        add rule inet lossy in meta l4proto udp numgen random mod 100 < 25 drop`
      const fault = await Promise.all([left, right].map(async (node) => node.exec('nft', [rule]))).then(
        () => undefined,
        (error: unknown) => String(error),
      )
      requireOrSkip(this, fault === undefined, `nft cannot drop packets here: ${fault}`)

      const [a, b] = [left, right].map((node) => new Talker(node.spawn(process.execPath, [END], { stdio: 'pipe' })))
      assert.ok(a !== undefined && b !== undefined)
      const [fromA, fromB] = [await a.said('key'), await b.said('key')]
      a.tell({ ...fromB, host: right.ip })
      b.tell({ ...fromA, host: left.ip })
      assert.deepEqual([await a.said('learnt'), await b.said('learnt')], [{ learnt: true }, { learnt: true }])
      a.tell({ ping: 600, perSecond: 150 })
      const { answered } = (await a.said('answered')) as { answered: number }
      const share = answered / 600
      console.log(`      answered: ${(share * 100).toFixed(1)} %, expected ${(0.75 ** 2 * 100).toFixed(1)} %`)
      // The standard deviation of 600 such trials is 2 points; this is five.
      assert.ok(Math.abs(share - 0.75 ** 2) < 0.1, `${share}`)
    })
  })
})

/** A child that is told and tells by JSON lines. */
class Talker {
  readonly #child: ChildProcess
  readonly #lines: Record<string, unknown>[] = []

  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.pipe(process.stderr)
    createInterface({ input: child.stdout as Readable }).on('line', (line) => {
      this.#lines.push(JSON.parse(line) as Record<string, unknown>)
    })
  }

  tell(order: object): void {
    ;(this.#child.stdin as Writable).write(`${JSON.stringify(order)}\n`)
  }

  /** The first line that has `field`, once it has come. */
  async said(field: string): Promise<Record<string, unknown>> {
    const find = (): Record<string, unknown> | undefined => this.#lines.find((line) => field in line)
    await until(`a line with ${field}`, () => find() !== undefined, 20_000)
    return find() as Record<string, unknown>
  }
}
