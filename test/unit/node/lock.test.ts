import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { LockError, lockDataDir, readLockHolder } from '../../../src/node/lock.ts'
import { processStartOf } from '../../../src/node/process-start.ts'

const HOLDER = fileURLToPath(new URL('children/holder.ts', import.meta.url))
const NOBODY = 65_534

interface Contender {
  readonly process: ChildProcess
  /** Its first line: `held`, or why not. */
  readonly said: string
}

async function contend(dataDir: string, uid = 0): Promise<Contender> {
  const child = spawn(process.execPath, [HOLDER, dataDir, String(uid)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return { process: child, said: String(line) }
}

async function end({ process: child }: Contender, signal?: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  if (signal === undefined) child.stdin?.end()
  else child.kill(signal)
  await exited
}

describe('data directory lock', () => {
  let root: string
  let dataDir: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'althing-lock-'))
    dataDir = join(root, 'data')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const refusal = (code: string): LockError => {
    try {
      lockDataDir(dataDir).release()
    } catch (error) {
      assert.ok(error instanceof LockError, String(error))
      assert.equal(error.code, code)
      return error
    }
    return assert.fail('the lock was given')
  }

  it('makes the directory for its owner alone, and names the holder', () => {
    const lock = lockDataDir(dataDir)
    assert.equal(statSync(dataDir).mode & 0o777, 0o700)
    assert.equal(readLockHolder(dataDir)?.pid, process.pid)
    lock.release()
    lock.release()
    assert.equal(readLockHolder(dataDir), undefined)
    assert.equal(existsSync(join(dataDir, 'daemon.pid')), false)
    lockDataDir(dataDir).release()
  })

  it('is refused while another process has it, with its pid and how to stop it', async () => {
    const holder = await contend(dataDir)
    assert.equal(holder.said, 'held')
    const error = refusal('data-dir-locked')
    assert.match(error.message, new RegExp(`pid ${holder.process.pid}\\b`))
    assert.match(error.fix!, new RegExp(`althing down --data-dir ${dataDir}`))
    await end(holder)
    lockDataDir(dataDir).release()
  })

  it('is refused to a second daemon of the same process', () => {
    const lock = lockDataDir(dataDir)
    assert.match(refusal('data-dir-locked').message, new RegExp(`pid ${process.pid}\\b`))
    lock.release()
  })

  it('is free at once after kill -9', async () => {
    const holder = await contend(dataDir)
    await end(holder, 'SIGKILL')
    assert.ok(existsSync(join(dataDir, 'daemon.pid')))
    assert.equal(readLockHolder(dataDir), undefined)
    const lock = lockDataDir(dataDir)
    assert.equal(readLockHolder(dataDir)?.pid, process.pid)
    lock.release()
  })

  it('goes to one of many that start at once', async () => {
    const contenders = await Promise.all(Array.from({ length: 6 }, () => contend(dataDir)))
    const holders = contenders.filter(({ said }) => said === 'held')
    await Promise.all(contenders.map((contender) => end(contender)))
    assert.equal(holders.length, 1, contenders.map(({ said }) => said).join('\n'))
    for (const { said } of contenders) assert.match(said, /^held$|^data-dir-locked: /)
  })

  it('does not take a reused pid, or nonsense, for a daemon', () => {
    mkdirSync(dataDir)
    const pidFile = join(dataDir, 'daemon.pid')
    for (const left of [
      JSON.stringify({ pid: process.pid, start: 'another process, long ago' }),
      JSON.stringify({ pid: -1, start: '' }),
      'not JSON',
      '{}',
    ]) {
      writeFileSync(pidFile, left)
      assert.equal(readLockHolder(dataDir), undefined, left)
      lockDataDir(dataDir).release()
    }
  })

  it('says which directory cannot be used, and what to do', () => {
    writeFileSync(dataDir, 'a file')
    assert.match(refusal('data-dir-unusable').message, new RegExp(`${dataDir}: .*(EEXIST|not a directory)`))
    dataDir = join(dataDir, 'below')
    const error = refusal('data-dir-unusable')
    assert.match(error.message, /ENOTDIR/)
    assert.match(error.fix!, /--data-dir/)
  })

  it('says that a directory is not writable, or not readable', async function () {
    // Root may write everywhere, so as root the child becomes somebody else.
    const uid = process.getuid?.() === 0 ? NOBODY : 0
    chmodSync(root, 0o755)
    for (const mode of [0o555, 0o700 & ~0o400]) {
      mkdirSync(dataDir, { recursive: true })
      chmodSync(dataDir, mode)
      const contender = await contend(dataDir, uid)
      assert.match(contender.said, new RegExp(`^data-dir-unusable: .*${dataDir}: EACCES`))
      await end(contender)
    }
    chmodSync(dataDir, 0o700)
  })
})

describe('start of a process', () => {
  it('is the same while it runs, differs between processes, and is none when it is gone', async () => {
    const child = spawn('sleep', ['60'])
    const start = processStartOf(child.pid!)
    assert.ok(start)
    assert.equal(processStartOf(child.pid!), start)
    assert.equal(processStartOf(process.pid), processStartOf(process.pid))
    assert.notEqual(processStartOf(process.pid), start)
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    assert.equal(processStartOf(child.pid!), undefined)
    assert.equal(processStartOf(0), undefined)
    assert.equal(processStartOf(Number.NaN), undefined)
  })
})
