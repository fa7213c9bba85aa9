/** Starts a daemon that meets nobody, and keeps the code that has run when it is ready. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { runToKeep } from '../../../bin/run-bundle.cjs'
import { DaemonClient } from '../../../src/cli/client.ts'
import { HANDED, type Handed } from '../../../src/cli/up/become.ts'
import { writeCode } from '../write-code.ts'

const LOOK_MS = 10

const bundle = process.argv[2]!
const dataDir = mkdtempSync(join(tmpdir(), 'althing-build-'))
process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))

const socketPath = join(dataDir, 'althing.sock')
const handed: Handed = {
  options: {
    paths: { dataDir, socketPath, configFile: join(dataDir, 'config.yaml'), scope: 'directory' },
    cluster: `build-${process.pid}`,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    page: { host: '127.0.0.1', port: 0 },
    mdns: false,
    logLevel: 'error',
  },
  json: false,
}
process.env[HANDED] = JSON.stringify(handed)
const codeNow = runToKeep(bundle)

const client = new DaemonClient(socketPath)
const isReady = (): Promise<boolean> =>
  client.get('/readyz').then(
    () => true,
    () => false,
  )
while (process.exitCode === undefined && !(await isReady())) await pause(LOOK_MS)
if (process.exitCode === undefined) {
  writeCode(bundle, codeNow())
  process.kill(process.pid, 'SIGTERM')
}
