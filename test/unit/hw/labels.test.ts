import assert from 'node:assert/strict'
import os from 'node:os'
import fc from 'fast-check'
import { probeHardware } from '../../../src/hw/inventory.ts'
import { deriveLabels, toLabelValue } from '../../../src/hw/labels.ts'
import { isLabelValue, Labels } from '../../../src/model/labels.ts'
import { memoryTree, type TreeName, treeFiles } from './trees.ts'

async function labelsOf(name: TreeName, arch: string): Promise<Labels> {
  return deriveLabels(
    await probeHardware({ tree: memoryTree(treeFiles(name)), platform: 'linux', arch, addresses: {} }),
  )
}

describe('labels from hardware', () => {
  it('of an x86 container', async () => {
    const feature = 'feature.node.kubernetes.io'
    assert.deepEqual(await labelsOf('v1-container', 'x64'), {
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/os': 'linux',
      'kubernetes.io/hostname': 'pod-12_a',
      [`${feature}/cpu-cpuid.ADX`]: 'true',
      [`${feature}/cpu-cpuid.AESNI`]: 'true',
      [`${feature}/cpu-cpuid.AVX`]: 'true',
      [`${feature}/cpu-cpuid.AVX2`]: 'true',
      [`${feature}/cpu-cpuid.FMA3`]: 'true',
      [`${feature}/cpu-cpuid.MOVBE`]: 'true',
      [`${feature}/cpu-cpuid.SHA`]: 'true',
      [`${feature}/cpu-cpuid.SSE4A`]: 'true',
      [`${feature}/cpu-cpuid.SVM`]: 'true',
      [`${feature}/cpu-hardware_multithreading`]: 'true',
      [`${feature}/cpu-model.vendor_id`]: 'AMD',
      [`${feature}/kernel-version.full`]: '5.4.0-150-generic_debug',
      [`${feature}/kernel-version.major`]: '5',
      [`${feature}/kernel-version.minor`]: '4',
      [`${feature}/kernel-version.revision`]: '0',
      [`${feature}/system-os_release.ID`]: 'alpine',
      [`${feature}/system-os_release.VERSION_ID`]: '3.19.1',
      [`${feature}/system-os_release.VERSION_ID.major`]: '3',
      [`${feature}/system-os_release.VERSION_ID.minor`]: '19',
      [`${feature}/storage-nonrotationaldisk`]: 'true',
    })
  })

  it('of an ARM board', async () => {
    const labels = await labelsOf('arm-big-little', 'arm64')
    assert.equal(labels['kubernetes.io/arch'], 'arm64')
    assert.equal(labels['feature.node.kubernetes.io/cpu-cpuid.ASIMD'], 'true')
    assert.equal(labels['feature.node.kubernetes.io/cpu-model.vendor_id'], 'ARM')
    assert.equal(labels['feature.node.kubernetes.io/cpu-hardware_multithreading'], 'false')
  })

  it('leaves out what the system does not tell', async () => {
    const labels = await labelsOf('v2-nested', 'x64')
    assert.ok(!Object.keys(labels).some((key) => key.includes('VERSION_ID')))
  })

  it('of this machine are valid and name it', async () => {
    const labels = Labels.parse(deriveLabels(await probeHardware()))
    assert.equal(labels['kubernetes.io/os'], process.platform === 'win32' ? 'windows' : process.platform)
    assert.equal(labels['kubernetes.io/hostname'], toLabelValue(os.hostname().toLowerCase()))
  })

  it('any text becomes a valid value, and a valid one stays as it is', () => {
    assert.equal(toLabelValue('-a b+c.'), 'a_b_c')
    assert.equal(toLabelValue('x'.repeat(62) + '..y'), 'x'.repeat(62))
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        const value = toLabelValue(text)
        assert.ok(isLabelValue(value))
        assert.equal(toLabelValue(value), value)
      }),
      { numRuns: 10_000 },
    )
  })
})
