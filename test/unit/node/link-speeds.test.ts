import assert from 'node:assert/strict'
import { LinkSpeeds } from '../../../src/node/link-speeds.ts'

const MIB = 1024 * 1024

describe('node/link-speeds', () => {
  let nowMs = 0
  const speeds = () => new LinkSpeeds(() => nowMs)

  /** One transfer, some mebibytes each millisecond after a first one that takes a second. */
  function transfer(links: LinkSpeeds, mebibytes: number, perMs: number, peer = 'ann', ends = true): void {
    const meter = links.meter(peer, 'receive')
    meter.through(0)
    nowMs += 1_000
    for (let done = 1; done <= mebibytes; done += perMs) {
      meter.through(done * MIB)
      nowMs++
    }
    meter.through(mebibytes * MIB)
    if (ends) meter.done()
  }

  it('counts from when a transfer is up to speed', () => {
    const links = speeds()
    transfer(links, 21, 1)
    const { bytesPerSecond, atMs } = links.of('ann', 'receive')!
    assert.equal(atMs, nowMs)
    assert.ok(Math.abs(bytesPerSecond / MIB - 1_000) < 60, `${bytesPerSecond / MIB} MiB/s`)
    assert.equal(links.of('ann', 'send'), undefined)
    assert.equal(links.of('bob', 'receive'), undefined)
  })

  it('smooths over transfers', () => {
    const links = speeds()
    transfer(links, 101, 1)
    transfer(links, 101, 2)
    const mebibytes = links.of('ann', 'receive')!.bytesPerSecond / MIB
    assert.ok(mebibytes > 1_150 && mebibytes < 1_300, `${mebibytes} MiB/s`)
  })

  it('learns nothing from those that are small, over at once, or broken off', () => {
    const links = speeds()
    transfer(links, 3.9, 0.1)
    transfer(links, 9, 1)
    transfer(links, 50, 1, 'ann', false)
    assert.equal(links.of('ann', 'receive'), undefined)
    transfer(links, 12, 1)
    assert.notEqual(links.of('ann', 'receive'), undefined)
  })

  it('remembers a bounded number of links, those used last', () => {
    const links = speeds()
    for (let i = 0; i < 2_048; i++) transfer(links, 12, 1, `n${i}`)
    transfer(links, 12, 1, 'n0')
    transfer(links, 12, 1, 'more')
    assert.equal(links.of('n1', 'receive'), undefined)
    assert.notEqual(links.of('n0', 'receive'), undefined)
  })
})
