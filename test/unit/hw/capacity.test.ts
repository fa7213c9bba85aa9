import assert from 'node:assert/strict'
import fc from 'fast-check'
import { allocatable } from '../../../src/hw/capacity.ts'
import type { HardwareSummary } from '../../../src/model/hardware.ts'
import { Resources } from '../../../src/model/resources.ts'

const MiB = 1024 * 1024
const GiB = 1024 * MiB

function machine(
  logicalCores: number,
  limitMilli: number | undefined,
  totalBytes: number,
  limitBytes?: number,
): HardwareSummary {
  return {
    cpu: {
      model: 'm',
      vendor: 'v',
      architecture: 'x86_64',
      physicalCores: 1,
      logicalCores,
      features: [],
      ...(limitMilli !== undefined && { limitMilli }),
    },
    memory: { totalBytes, ...(limitBytes !== undefined && { limitBytes }) },
    os: { platform: 'linux', distribution: '', version: '', kernel: '', arch: 'amd64', hostname: '' },
    disks: [],
    interfaces: [],
  }
}

describe('allocatable', () => {
  it('keeps 256 MiB of a small machine and 5 % of a large one', () => {
    assert.deepEqual(allocatable(machine(4, undefined, 4 * GiB)), { cpuMilli: 4000, memoryBytes: 4 * GiB - 256 * MiB })
    assert.deepEqual(allocatable(machine(64, undefined, 100 * GiB)), { cpuMilli: 64_000, memoryBytes: 95 * GiB })
  })
  it('goes by the limits where they are tighter, and reckons the reserve from them', () => {
    assert.deepEqual(allocatable(machine(4, 1500, 100 * GiB, 1 * GiB)), { cpuMilli: 1500, memoryBytes: 768 * MiB })
  })
  it('takes another reserve when told', () => {
    assert.equal(allocatable(machine(1, undefined, GiB), { memoryReserveBytes: 0 }).memoryBytes, GiB)
  })
  it('never offers less than nothing, nor more than there is, in whole numbers', () => {
    assert.equal(allocatable(machine(1, undefined, 100 * MiB)).memoryBytes, 0)
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8192 }),
        fc.maxSafeNat(),
        fc.option(fc.maxSafeNat(), { nil: undefined }),
        (cores, total, limit) => {
          const offered = Resources.parse(allocatable(machine(cores, undefined, total, limit)))
          assert.ok(offered.memoryBytes <= total)
        },
      ),
    )
  })
})
