/**
 * One peer as a process of its own, told everything by flags and telling everything as JSON lines:
 * `{"event":"ready","id":…,"addresses":[…]}`, then up, down and gossip. Ends on SIGTERM or when stdin ends.
 *
 *   --listen ADDR …    default: every private address of the machine, a free port each
 *   --join ADDR …      bootstrap addresses
 *   --mdns             look for others on the local network
 *   --publish TEXT     published to `records` whenever a peer comes up
 *   --stop-after-link  links with a second peer in this process, stops both, and must then end by itself
 */
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { privateListenAddresses } from '../../src/peer/addresses.ts'
import { createPeer } from '../../src/peer/create-peer.ts'
import type { PeerOptions } from '../../src/peer/options.ts'
import type { Peer, PeerHandlers } from '../../src/peer/peer.ts'
import { SILENT } from '../../src/util/logger.ts'

const { values } = parseArgs({
  options: {
    listen: { type: 'string', multiple: true },
    join: { type: 'string', multiple: true, default: [] },
    mdns: { type: 'boolean', default: false },
    publish: { type: 'string' },
    cluster: { type: 'string', default: 'fixture' },
    'stop-after-link': { type: 'boolean', default: false },
  },
})

function tell(event: string, fields: object): void {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`)
}

function handlers(onUp: (peer: string) => void): PeerHandlers {
  return {
    onPeerUp: (peer) => {
      tell('up', { peer })
      onUp(peer)
    },
    onPeerDown: (peer) => tell('down', { peer }),
    onFrame: () => {},
    onGossip: (topic, data) => {
      tell('gossip', { topic, text: Buffer.from(data).toString() })
      return 'accept'
    },
    onStream: (_kind, _peer, stream) => stream.destroy(),
  }
}

function make(listen: PeerOptions['listen'], join: string[], onUp: (peer: string) => void): Peer {
  return createPeer(
    {
      seed: randomBytes(32),
      cluster: values.cluster,
      listen,
      bootstrap: join,
      mdns: values.mdns,
      log: SILENT,
    },
    handlers(onUp),
  )
}

async function stopAfterLink(): Promise<void> {
  const first = make(['/ip4/127.0.0.1/tcp/0'], [], () => {})
  await first.start()
  const { promise, resolve } = Promise.withResolvers<string>()
  const second = make(['/ip4/127.0.0.1/tcp/0'], first.addresses(), resolve)
  await second.start()
  await promise
  await Promise.all([first.stop(), second.stop()])
  tell('stopped', {})
}

async function run(): Promise<void> {
  const peer = make(values.listen ?? (() => privateListenAddresses(0)), values.join, () => {
    if (values.publish !== undefined) peer.publish('records', new TextEncoder().encode(values.publish))
  })
  await peer.start()
  const stop = (): void => {
    process.stdin.destroy()
    void peer.stop()
  }
  process.once('SIGTERM', stop)
  process.stdin.once('end', stop).resume()
  // Last: whoever reads this may send the signal at once.
  tell('ready', { id: peer.id, addresses: peer.addresses() })
}

await (values['stop-after-link'] ? stopAfterLink() : run())
