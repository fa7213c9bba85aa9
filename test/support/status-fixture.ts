/** A real status server over the fake daemon, in a directory of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createStatusServer,
  type StatusServer,
  type StatusServerOptions,
  type StatusUrls,
} from '../../src/status/server.ts'
import { SILENT } from '../../src/util/logger.ts'
import { FakeOperations } from './fake-operations.ts'
import { ask, type Answer, type Asked } from './http.ts'

export const TOKEN = 'a-token-of-the-tests-0123456789-abcdefghijk'

export interface StatusFixture {
  readonly dir: string
  readonly socketPath: string
  readonly webDir: string
  readonly operations: FakeOperations
  readonly server: StatusServer
  readonly port: number
  /** Where it listens by TLS; 0 when it did not from the start. */
  readonly apiPort: number
  /** Where it listens now. */
  readonly urls: StatusUrls
  /** Asks by the socket. */
  ask(asked: Asked): Promise<Answer>
  /** Asks by loopback, with the right Host and token unless told otherwise. */
  askLoopback(asked: Asked): Promise<Answer>
  stop(): Promise<void>
}

/**
 * Starts one; `stop` it in an `afterEach`.
 * @param prepare what the daemon is to have before it listens
 */
export async function startStatus(
  options: Partial<StatusServerOptions> = {},
  prepare: (operations: FakeOperations) => void = () => {},
): Promise<StatusFixture> {
  const dir = mkdtempSync(join(tmpdir(), 'althing-status-'))
  const socketPath = join(dir, 'a.sock')
  const webDir = join(dir, 'web')
  mkdirSync(join(webDir, 'assets'), { recursive: true })
  writeFileSync(join(webDir, 'index.html'), '<!doctype html><title>Althing</title>')
  writeFileSync(join(webDir, 'assets', 'index-abc123.js'), 'export {}\n')
  writeFileSync(join(webDir, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  const operations = new FakeOperations()
  operations.socketPath = socketPath
  operations.dataDir = dir
  prepare(operations)
  const server = createStatusServer({
    operations,
    socketPath,
    http: { host: '127.0.0.1', port: 0 },
    token: TOKEN,
    webDir,
    log: SILENT,
    version: '0.1.0',
    ...options,
  })
  let urls = await server.start((changed) => (urls = changed))
  const { pageUrl, apiUrl } = urls
  operations.pageUrl = pageUrl
  const port = Number(pageUrl === undefined ? 0 : new URL(pageUrl).port)
  const apiPort = Number(apiUrl === undefined ? 0 : new URL(apiUrl).port)
  return {
    dir,
    socketPath,
    webDir,
    operations,
    server,
    port,
    apiPort,
    get urls() {
      return urls
    },
    ask: (asked) => ask({ ...asked, socketPath }),
    askLoopback: (asked) =>
      ask({
        ...asked,
        port,
        headers: { host: `127.0.0.1:${port}`, authorization: `Bearer ${TOKEN}`, ...asked.headers },
      }),
    async stop() {
      await server.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
