/** A long way between two daemons of one machine: a TCP proxy that passes all bytes on, late. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

const LOOPBACK = '127.0.0.1'

export interface SlowLine {
  /** Who dials this one on loopback reaches the other end. */
  readonly port: number
  /** By the clock of the machine; undefined before anybody has dialled. */
  firstDialledAtMs(): number | undefined
  close(): void
}

/**
 * Bytes take `oneWayMs` each way. What it cannot delay is TCP's own greeting, which the kernel answers at once: a real
 * line of that length would take one round trip more before the first byte.
 */
export async function openSlowLine(toPort: number, oneWayMs: number): Promise<SlowLine> {
  const sockets = new Set<Socket>()
  let firstDialledAtMs: number | undefined
  const server = createServer({ noDelay: true }, (near) => {
    firstDialledAtMs ??= Date.now()
    const far = connect({ host: LOOPBACK, port: toPort, noDelay: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      // Timers of one length ring in the order in which they were set.
      from.on('data', (bytes) => void setTimeout(() => to.write(bytes), oneWayMs))
      from.on('close', () => {
        sockets.delete(from)
        setTimeout(() => to.destroy(), oneWayMs)
      })
      // A daemon that was killed resets its end; `close` follows.
      from.on('error', () => {})
    }
  })
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    firstDialledAtMs: () => firstDialledAtMs,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
