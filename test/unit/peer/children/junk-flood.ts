/**
 * Sends argv[3] datagrams of junk to 127.0.0.1, port argv[2], as fast as they go, from argv[4]: noise, datagrams under
 * keys nobody gave out, and, with a key id in argv[5], datagrams that claim that key.
 */
import { createSocket } from 'node:dgram'
import { randomBytes } from 'node:crypto'
import { encodeProbe, probeKey } from '../../../../src/wire/probe.ts'

const [port, count, from, claimed] = process.argv.slice(2) as [string, string, string, string | undefined]
const key = probeKey(randomBytes(32))
const claim = claimed === undefined ? key : { ...key, id: Buffer.from(claimed, 'hex').toString('latin1') }

function junk(index: number): Uint8Array {
  if (index % 3 === 0) return randomBytes(1 + (index % 200))
  return encodeProbe({ type: 'pong', nonce: index }, index % 3 === 1 ? key : claim, index)
}

const socket = createSocket({ type: 'udp4', lookup: (host, _options, callback) => callback(null, host, 4) })
let sent = 0
function burst(): void {
  for (let index = 0; index < 100 && sent < Number(count); index++, sent++) {
    socket.send(junk(sent), Number(port), '127.0.0.1', () => {})
  }
  if (sent < Number(count)) setImmediate(burst)
  else socket.send(junk(sent), Number(port), '127.0.0.1', () => socket.close())
}
socket.bind(0, from, burst)
