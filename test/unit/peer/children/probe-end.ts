/**
 * One end of a link that is probed, told by JSON lines and telling by JSON lines. Says `{"port", "key"}`; is told
 * `{"host", "port", "key"}`, says `{"learnt"}`, and answers pings from then on; told `{"ping", "perSecond"}` it sends
 * so many and says `{"answered", "refused"}` half a second after the last. Closes when stdin ends, and must then end
 * by itself.
 */
import { createInterface } from 'node:readline'
import { ProbeSocket } from '../../../../src/peer/probe-socket.ts'
import { SILENT } from '../../../../src/util/logger.ts'

const TICK_MS = 10
const GRACE_MS = 500

interface Order {
  host?: string
  port?: number
  key?: string
  ping?: number
  perSecond?: number
}

const tell = (fields: object): boolean => process.stdout.write(`${JSON.stringify(fields)}\n`)
const answered = new Set<number>()
const socket = new ProbeSocket({
  log: SILENT,
  onMessage: (peer, message) => {
    if (message.type === 'ping') socket.send(peer, { type: 'pong', nonce: message.nonce })
    if (message.type === 'pong') answered.add(message.nonce)
  },
})

function ping(count: number, perSecond: number): void {
  const startMs = performance.now()
  let sent = 0
  const ticking = setInterval(() => {
    const due = Math.min(count, ((performance.now() - startMs) * perSecond) / 1000)
    for (; sent < due; sent++) socket.send('other', { type: 'ping', nonce: sent, suspects: undefined })
    if (sent < count) return
    clearInterval(ticking)
    const sum = (): void => void tell({ answered: answered.size, refused: socket.stats() })
    setTimeout(sum, GRACE_MS)
  }, TICK_MS)
}

const port = await socket.open({ port: 0 })
tell({ port, key: Buffer.from(socket.expect('other') as Uint8Array).toString('hex') })
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line) as Order
    if (order.ping !== undefined) return ping(order.ping, order.perSecond ?? 100)
    const key = Buffer.from(String(order.key), 'hex')
    tell({ learnt: socket.learn('other', { host: String(order.host), port: Number(order.port), key }) })
  })
  .on('close', () => void socket.close())
