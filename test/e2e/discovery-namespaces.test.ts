/** Two machines that know nothing of each other, and two of which one knows an address. */
import { strict as assert } from 'node:assert'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Readable } from 'node:stream'
import type { NetnsNode } from '../support/netns.ts'
import { netnsLab } from '../support/netns-lab.ts'

const FIXTURE = fileURLToPath(new URL('../support/peer-process.ts', import.meta.url))

interface Event {
  event: string
  peer?: string
  id?: string
  addresses?: string[]
  text?: string
}

/** A fixture peer inside a node, and what it tells. */
class PeerProcess {
  readonly child: ChildProcess
  readonly #events: Event[] = []
  #wake = (): void => {}

  constructor(node: NetnsNode, args: string[]) {
    this.child = node.spawn(process.execPath, ['--no-warnings', FIXTURE, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    createInterface({ input: this.child.stdout as Readable }).on('line', (line) => {
      this.#events.push(JSON.parse(line) as Event)
      this.#wake()
    })
  }

  async event(wanted: (event: Event) => boolean, what: string, deadlineMs = 15_000): Promise<Event> {
    const { promise, resolve, reject } = Promise.withResolvers<Event>()
    const timer = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs)
    const check = (this.#wake = () => {
      const found = this.#events.find(wanted)
      if (found !== undefined) resolve(found)
    })
    check()
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#wake = () => {}
    }
  }

  async ready(): Promise<{ id: string; addresses: string[] }> {
    return (await this.event(({ event }) => event === 'ready', 'ready')) as { id: string; addresses: string[] }
  }

  forget(): void {
    this.#events.length = 0
  }
}

describe('e2e: discovery between network namespaces', function () {
  this.timeout(60_000)
  const lab = netnsLab(['left', 'right'])
  let left: NetnsNode
  let right: NetnsNode

  beforeEach(() => {
    ;[left, right] = lab.nodes as [NetnsNode, NetnsNode]
  })

  const isUp =
    (id: string) =>
    ({ event, peer }: Event): boolean =>
      event === 'up' && peer === id
  const isDown =
    (id: string) =>
    ({ event, peer }: Event): boolean =>
      event === 'down' && peer === id

  it('two peers find each other by mDNS alone', async () => {
    const a = new PeerProcess(left, ['--mdns'])
    const { id: idA, addresses } = await a.ready()
    assert.ok(
      addresses.some((address) => address.startsWith(`/ip4/${left.ip}/tcp/`)),
      addresses.join(),
    )
    const b = new PeerProcess(right, ['--mdns'])
    const { id: idB } = await b.ready()
    await a.event(isUp(idB), 'left sees right')
    await b.event(isUp(idA), 'right sees left')
  })

  it('two peers with mDNS in different clusters do not', async () => {
    const a = new PeerProcess(left, ['--mdns', '--cluster', 'one'])
    await a.ready()
    const b = new PeerProcess(right, ['--mdns', '--cluster', 'two'])
    await b.ready()
    await assert.rejects(
      a.event(({ event }) => event === 'up', 'a link', 3_000),
      /not within/,
    )
  })

  it('two peers find each other by a bootstrap address alone, and gossip', async () => {
    const a = new PeerProcess(left, ['--listen', `/ip4/${left.ip}/tcp/4100`, '--publish', 'hello from the left'])
    const { id: idA } = await a.ready()
    const b = new PeerProcess(right, ['--join', `/ip4/${left.ip}/tcp/4100`])
    const { id: idB } = await b.ready()
    await a.event(isUp(idB), 'left sees right')
    await b.event(isUp(idA), 'right sees left')
    await b.event(({ text }) => text === 'hello from the left', 'the record published there')
  })

  it('a killed peer is seen down at once, and joined again when it is back', async () => {
    const listen = ['--listen', `/ip4/${left.ip}/tcp/4100`]
    const a = new PeerProcess(left, listen)
    const { id: idA } = await a.ready()
    const b = new PeerProcess(right, ['--join', `/ip4/${left.ip}/tcp/4100`])
    await b.event(isUp(idA), 'joined')
    const killedAtMs = performance.now()
    a.child.kill('SIGKILL')
    await b.event(isDown(idA), 'seen down')
    assert.ok(performance.now() - killedAtMs < 5_000)
    const again = new PeerProcess(left, listen)
    const { id } = await again.ready()
    await b.event(isUp(id), 'joined again')
  })

  it('a peer whose cable is pulled is seen down by silence, and joined again when it is plugged in', async () => {
    const a = new PeerProcess(left, ['--listen', `/ip4/${left.ip}/tcp/4100`])
    const { id: idA } = await a.ready()
    const b = new PeerProcess(right, ['--join', `/ip4/${left.ip}/tcp/4100`])
    await b.event(isUp(idA), 'joined')
    await left.cut()
    await b.event(isDown(idA), 'seen down', 45_000)
    b.forget()
    await left.heal()
    await b.event(isUp(idA), 'joined again', 45_000)
  }).timeout(120_000)

  it('ends on SIGTERM by itself', async () => {
    const a = new PeerProcess(left, ['--mdns'])
    await a.ready()
    a.child.kill('SIGTERM')
    const [code, signal] = await once(a.child, 'exit')
    assert.deepEqual([code, signal], [0, null])
  })
})
