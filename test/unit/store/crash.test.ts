import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { openStore } from '../../../src/store/sqlite.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { requireOrSkip } from '../../support/require.ts'

const child = (name: string): string => fileURLToPath(new URL(`children/${name}.ts`, import.meta.url))

/** Starts the writer, kills it after it has said `writes` numbers; returns what it said last. */
async function writeAndKill(path: string, writes: number): Promise<{ epoch: number; last: number }> {
  const writer = spawn(process.execPath, [child('writer'), path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(writer, 'exit')
  let epoch = 0
  let last = 0
  for await (const line of createInterface({ input: writer.stdout })) {
    if (line.startsWith('epoch ')) epoch = Number(line.slice(6))
    else last = Number(line)
    // Lines it wrote before it died are read to the end: they were acknowledged too.
    if (last === writes) writer.kill('SIGKILL')
  }
  await exited
  return { epoch, last }
}

describe('store on SQLite, when the worst happens', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'althing-crash-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  it('has every acknowledged write after kill -9, whole, and never an old epoch', async function () {
    this.timeout(60_000)
    const path = join(directory, 'store.db')
    let epochBefore = 0
    let lastBefore = 0
    for (const writes of [1, 7, 60, 400]) {
      const { epoch, last } = await writeAndKill(path, writes)
      assert.ok(last >= writes)
      assert.ok(epoch > epochBefore, `epoch ${epoch} after ${epochBefore}`)

      const store = openStore(path, SILENT)
      const marks = [...store.load('mark').values()]
      const newest = [...store.load('task').values()].map((doc) => (doc as { n: number }).n)
      store.close()
      for (let n = 1; n <= Math.max(last, lastBefore); n++) assert.equal(marks[n - 1], n)
      assert.equal(newest.length, 3)
      assert.equal(new Set(newest).size, 1, `a torn write: ${newest.join(', ')}`)
      assert.ok(newest[0]! >= last)
      epochBefore = epoch
      lastBefore = marks.length
    }
  })

  it('says a full disk by name, loses nothing acknowledged, and goes on when there is room', function () {
    this.timeout(30_000)
    const canMount =
      spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', directory], { stdio: 'ignore' }).status === 0
    requireOrSkip(this, canMount, 'no unprivileged mount namespaces (unshare -rm)')
    const script = 'mount -t tmpfs -o size=1m none "$1" && exec "$2" "$3" "$1"'
    const inNamespace = ['-rm', 'sh', '-c', script, 'sh']
    const output = execFileSync('unshare', [...inNamespace, directory, process.execPath, child('full-disk')])
    const seen = JSON.parse(String(output))
    assert.equal(seen.fill.code, 'disk-full', seen.fill.message)
    assert.match(seen.fill.message, /cannot write to .*store\.db/)
    assert.match(seen.fill.fix, /[Mm]ake room/)
    assert.equal(seen.again.code, 'disk-full', seen.again.message)
    assert.ok(seen.acknowledged > 10)
    assert.equal(seen.keptWhileFull, seen.acknowledged)
    assert.equal(seen.keptAfter, seen.acknowledged + 1)
    assert.equal(seen.opening.code, 'disk-full', seen.opening.message)
  })
})
