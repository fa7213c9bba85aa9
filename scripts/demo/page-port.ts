/** Where the demo shows its page: at the usual port, or at any other when a daemon of one's own has that already. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { DEFAULT_PAGE } from '../../src/node/options.ts'

/** @returns `port` when nobody listens there on loopback, else 0, which takes any that is free */
export async function pagePort(port: number = DEFAULT_PAGE.port): Promise<number> {
  const server = createServer()
  try {
    server.listen({ host: DEFAULT_PAGE.host, port })
    await once(server, 'listening')
  } catch {
    return 0
  }
  server.close()
  await once(server, 'close')
  return port
}
