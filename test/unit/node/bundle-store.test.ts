import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import fs, { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, type Duplex } from 'node:stream'
import type { TaskDriver } from '../../../src/drivers/driver.ts'
import { Lanes } from '../../../src/node/lanes.ts'
import { BundleError, BundleStore } from '../../../src/node/bundle-store.ts'
import { fetchBundle, serveBundle } from '../../../src/node/streams/bundle-stream.ts'
import { serveLogs } from '../../../src/node/streams/log-stream.ts'
import { writeMessage } from '../../../src/node/streams/framing.ts'
import { streamPair } from '../../support/streams.ts'
import { until } from '../../support/until.ts'

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')

describe('bundles', () => {
  let dir: string
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'althing-bundles-'))))
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  async function open(options: Partial<ConstructorParameters<typeof BundleStore>[0]> = {}) {
    const store = new BundleStore({ dir, ...options })
    await store.open()
    return store
  }

  it('keeps what has the hash it should have, across restarts', async () => {
    const data = randomBytes(200_000)
    const stored = await (await open()).add(Readable.from([data]), sha256(data))
    assert.deepEqual(stored, { sha256: sha256(data), sizeBytes: data.length })
    writeFileSync(join(dir, 'left.part'), 'an interrupted transfer')
    const again = await open()
    assert.ok(again.has(sha256(data)))
    assert.deepEqual(readdirSync(dir), [sha256(data)])
    assert.deepEqual(Buffer.concat(await again.read(sha256(data), 5).toArray()), data.subarray(5))
  })

  describe('on a disk that may lose its power', () => {
    const { fsync } = fs
    afterEach(() => void (fs.fsync = fsync))
    /** What is in the directory at each flush of a file. */
    function watchFlushes(fault?: Error): string[][] {
      const seen: string[][] = []
      fs.fsync = ((fd: number, done: (error: Error | null) => void) => {
        seen.push(readdirSync(dir))
        if (fault === undefined) fsync(fd, done)
        else done(fault)
      }) as typeof fsync
      return seen
    }

    it('gives a bundle its name only once its bytes are on the disk', async () => {
      const store = await open()
      const flushes = watchFlushes()
      await store.add(Readable.from([Buffer.from('abc')]))
      assert.equal(flushes.length, 1)
      assert.match(flushes[0]!.join(), /^[0-9a-f]{16}\.part$/)
      assert.deepEqual(readdirSync(dir), [sha256(Buffer.from('abc'))])
    })

    it('keeps nothing that could not be flushed', async () => {
      const store = await open()
      watchFlushes(Object.assign(new Error('i/o error'), { code: 'EIO' }))
      await assert.rejects(store.add(Readable.from([Buffer.from('abc')])), { code: 'io' })
      assert.deepEqual([readdirSync(dir), store.list()], [[], []])
    })
  })

  it('lets nobody who ends a stream late undo a bundle that has come whole', async () => {
    const data = randomBytes(100_000)
    const from = await open()
    await from.add(Readable.from([data]))
    const to = new BundleStore({ dir: join(dir, 'to') })
    await to.open()
    const [near, far] = streamPair()
    near.on('error', () => {})
    void serveBundle(far, from)
    const { fsync } = fs
    // The flush of a large bundle may take longer than a transfer may stand still.
    fs.fsync = ((fd: number, done: () => void) => {
      near.destroy(new Error('no byte came'))
      fsync(fd, done)
    }) as typeof fsync
    try {
      await fetchBundle(near, sha256(data), to)
    } finally {
      fs.fsync = fsync
    }
    assert.deepEqual(to.list(), [sha256(data)])
  })

  it('keeps nothing of a bundle with another hash, or of one too large', async () => {
    const store = await open({ maxBytes: 1_000 })
    await assert.rejects(store.add(Readable.from([Buffer.from('forged')]), sha256(Buffer.from('real'))), {
      code: 'hash-mismatch',
    })
    await assert.rejects(store.add(Readable.from([randomBytes(600), randomBytes(600)])), { code: 'too-large' })
    assert.deepEqual(readdirSync(dir), [])
  })

  it('sweeps the least recently used, never one in use', async () => {
    const parts = [randomBytes(400), randomBytes(400), randomBytes(400)]
    const gone: string[] = []
    const store = await open({
      maxTotalBytes: 1_000,
      inUse: () => new Set([sha256(parts[0]!)]),
      onChange: (hash, here) => here || gone.push(hash),
    })
    for (const part of parts) await store.add(Readable.from([part]))
    assert.deepEqual(gone, [sha256(parts[1]!)])
  })

  it('takes no more bytes than were agreed on, nor than were announced; fewer are a broken link', async () => {
    const to = await open()
    const fetchFrom = (announced: number, body: string, maxBytes?: number) => {
      const [asker, holder] = streamPair()
      holder.once('data', () => void writeMessage(holder, { sizeBytes: announced }).then(() => holder.end(body)))
      return fetchBundle(asker, sha256(Buffer.from('abc')), to, maxBytes === undefined ? {} : { maxBytes })
    }
    await assert.rejects(fetchFrom(4, 'abcd', 3), { code: 'too-large', message: /said to have 4 bytes, 3 were/ })
    await assert.rejects(fetchFrom(3, 'abcd'), { code: 'too-large', message: /more bytes came than the 3/ })
    await assert.rejects(fetchFrom(3, 'ab'), { code: 'io', message: /only 2 of 3/ })
    assert.deepEqual(readdirSync(dir), [])
    await fetchFrom(3, 'abc', 3)
    assert.deepEqual(readdirSync(dir), [sha256(Buffer.from('abc'))])
  })

  it('drops those who open a stream and ask for nothing', async () => {
    const source = { driver: {} as TaskDriver, mayRead: () => true, untilRun: () => Promise.resolve(true) }
    const store = await open()
    const withBundles = (far: Duplex) => serveBundle(far, store, { askWithinMs: 10 })
    for (const serve of [withBundles, (far: Duplex) => serveLogs(far, source, 10)]) {
      const [near, far] = streamPair()
      near.on('error', () => {})
      await serve(far)
      assert.ok(far.destroyed)
    }
  })

  it('are sent to as many at once as there are turns, and to nobody who takes nothing', async () => {
    const data = randomBytes(2_000_000)
    const store = await open()
    await store.add(Readable.from([data]))
    const lanes = new Lanes({ total: 1, perPeer: 1, waiting: 1 })
    let asked = 0
    const serve = async (idleMs?: number) => {
      const [near, far] = streamPair()
      const enter = (signal: AbortSignal) => (asked++, lanes.enter('peer', undefined, signal))
      void serveBundle(far, store, { enter, ...(idleMs === undefined ? {} : { idleMs }) })
      const before = asked
      void writeMessage(near, { sha256: sha256(data), offset: 0 })
      await until('its question', () => asked > before)
      return { near, far }
    }
    // It asks, and reads nothing of the answer: it is let go, and its turn is the next one's.
    const stuck = await serve(100)
    const order: string[] = []
    const letGo = new Promise<void>((resolve) => stuck.far.once('close', resolve)).then(() => order.push('let go'))
    const gone = await serve()
    gone.far.destroy()
    await until('its end', () => gone.far.closed)
    const reader = await serve()
    reader.near.once('data', () => order.push('served'))
    const answer = Buffer.concat((await reader.near.toArray()) as Buffer[])
    await letGo
    assert.deepEqual(order, ['let go', 'served'])
    assert.deepEqual(answer.subarray(-data.length), data)
  })

  it('travels over a stream, and a forged one is refused', async () => {
    const data = randomBytes(300_000)
    const from = await open()
    await from.add(Readable.from([data]))
    const target = mkdtempSync(join(tmpdir(), 'althing-bundles-'))
    const to = new BundleStore({ dir: target })
    await to.open()
    const [near, far] = streamPair()
    void serveBundle(far, from)
    let progress = 0
    await fetchBundle(near, sha256(data), to, { onProgress: (bytes) => (progress = bytes) })
    assert.equal(progress, data.length)

    const [asker, liar] = streamPair()
    liar.once('data', () => void writeMessage(liar, { sizeBytes: 3 }).then(() => liar.end('abc')))
    await assert.rejects(fetchBundle(asker, sha256(Buffer.from('abd')), to), { code: 'hash-mismatch' })
    const [other, empty] = streamPair()
    void serveBundle(empty, from)
    await assert.rejects(
      fetchBundle(other, sha256(Buffer.from('nowhere')), to),
      (error: unknown) => error instanceof BundleError && error.code === 'not-found',
    )
    assert.deepEqual(readdirSync(target), [sha256(data)])
    rmSync(target, { recursive: true, force: true })
  })
})
