import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import os from 'node:os'
import { encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { fileTree } from '../../../src/hw/file-tree.ts'
import { probeHardware } from '../../../src/hw/inventory.ts'
import { deriveLabels } from '../../../src/hw/labels.ts'
import { HARDWARE_LIMITS, HardwareSummary } from '../../../src/model/hardware.ts'
import { Labels } from '../../../src/model/labels.ts'
import { requireOrSkip } from '../../support/require.ts'
import { memoryTree, type TreeName, treeFiles, unpackTree } from './trees.ts'

const MiB = 1024 * 1024
/** One interface as `os.networkInterfaces()` tells of it. */
const ipv4 = (address: string, internal = false): os.NetworkInterfaceInfo => ({
  address,
  internal,
  family: 'IPv4',
  netmask: '255.255.255.0',
  mac: '52:54:00:00:00:01',
  cidr: null,
})
const ipv6 = (address: string): os.NetworkInterfaceInfo => ({ ...ipv4(address), family: 'IPv6', scopeid: 0 })

async function probe(
  name: TreeName,
  addresses: Record<string, os.NetworkInterfaceInfo[]> = {},
): Promise<HardwareSummary> {
  const { root, remove } = unpackTree(name)
  try {
    return HardwareSummary.parse(
      await probeHardware({ tree: fileTree(root), platform: 'linux', arch: 'x64', addresses }),
    )
  } finally {
    remove()
  }
}

describe('hardware probe', () => {
  it('of a v1 container: cores behind threads, its limits, its name', async () => {
    const hardware = await probe('v1-container', { eth0: [ipv4('10.1.2.3')] })
    assert.equal(hardware.cpu.model, 'AMD EPYC 7502P 32-Core Processor')
    assert.equal(hardware.cpu.vendor, 'AMD')
    assert.deepEqual([hardware.cpu.sockets, hardware.cpu.physicalCores, hardware.cpu.logicalCores], [1, 2, 4])
    assert.equal(hardware.cpu.limitMilli, 1500)
    assert.equal(hardware.cpu.virtualization, true)
    assert.deepEqual(hardware.memory, { totalBytes: 16_384_000 * 1024, limitBytes: 512 * MiB })
    assert.deepEqual(hardware.os, {
      platform: 'linux',
      distribution: 'alpine',
      version: '3.19.1',
      kernel: '5.4.0-150-generic+debug',
      arch: 'amd64',
      hostname: 'Pod-12_a',
    })
    // The only mounts of the disk are files bound into the container.
    assert.deepEqual(hardware.disks, [{ name: 'nvme0n1', sizeBytes: 512_110_190_592, rotational: false }])
    assert.deepEqual(hardware.interfaces, [{ name: 'eth0', mac: '52:54:00:00:00:01', addresses: ['10.1.2.3'] }])
  })

  it('of a v2 desktop: affinity, quota, hybrid cores, stacked volumes, real links first', async () => {
    const hardware = await probe('v2-nested', {
      lo: [ipv4('127.0.0.1', true)],
      docker0: [ipv4('172.17.0.1')],
      enp3s0: [ipv6('fe80::1'), ipv6('2001:db8::1'), ipv4('192.0.2.7'), ipv4('169.254.1.1')],
      veth1234: [ipv6('fe80::2')],
    })
    assert.deepEqual([hardware.cpu.physicalCores, hardware.cpu.logicalCores, hardware.cpu.maxMHz], [6, 8, 4600])
    // The quota of 2.5 CPUs is tighter than the mask of 3.
    assert.equal(hardware.cpu.limitMilli, 2500)
    assert.deepEqual(hardware.cpu.features, ['AVX', 'AVX2', 'AVXVNNI', 'FMA3', 'GFNI', 'SHA', 'SSE42', 'VAES', 'VMX'])
    assert.equal(hardware.os.version, '')
    assert.deepEqual(
      hardware.interfaces.map(({ name, addresses, speedMbps }) => [name, addresses, speedMbps]),
      [
        ['enp3s0', ['192.0.2.7', '2001:db8::1'], 2500],
        ['wlp2s0', [], undefined],
        ['docker0', ['172.17.0.1'], undefined],
      ],
    )
  })

  it('finds the file systems on each disk, through LUKS, LVM and btrfs, and prefers the roomiest', async () => {
    const free = new Map([
      ['/', 10],
      ['/boot', 20],
      ['/srv/my data', 30],
      ['/run/bound', 99],
    ])
    const tree = memoryTree(treeFiles('v2-nested'), free)
    const { disks } = await probeHardware({ tree, platform: 'linux', addresses: {} })
    assert.deepEqual(disks, [
      { name: 'sda', sizeBytes: 1_024_000, rotational: false, mount: '/boot', freeBytes: 20 },
      { name: 'sdb', sizeBytes: 2_048_000, rotational: true, mount: '/srv/my data', freeBytes: 30 },
    ])
    free.set('/', 21)
    assert.equal((await probeHardware({ tree, platform: 'linux', addresses: {} })).disks[0]?.mount, '/')
  })

  it('does not wait for a file system that hangs', async () => {
    const tree = { ...memoryTree(treeFiles('v2-nested')), freeBytes: () => new Promise<number>(() => {}) }
    const { disks } = await probeHardware({ tree, platform: 'linux', addresses: {} })
    assert.deepEqual([disks[0]?.mount, disks[0]?.freeBytes], ['/', undefined])
  })

  it('of an ARM board: names both kinds of core', async () => {
    const hardware = await probe('arm-big-little')
    assert.equal(hardware.cpu.model, 'Cortex-A55 + Cortex-A76')
    assert.equal(hardware.cpu.vendor, 'ARM')
    assert.equal(hardware.cpu.architecture, 'aarch64')
    assert.deepEqual([hardware.cpu.physicalCores, hardware.cpu.logicalCores, hardware.cpu.maxMHz], [4, 4, 2400])
    assert.equal(hardware.cpu.limitMilli, undefined)
    assert.equal(hardware.cpu.virtualization, undefined)
    for (const feature of ['ASIMD', 'AES', 'SHA2', 'ATOMICS', 'ASIMDDP'])
      assert.ok(hardware.cpu.features.includes(feature))
    assert.ok(!hardware.cpu.features.includes('EVTSTRM'))
    assert.deepEqual(
      hardware.disks.map(({ name }) => name),
      ['mmcblk0'],
    )
  })

  it('shows the affinity mask alone when it is the tightest', async () => {
    const files = treeFiles('v2-nested')
    files.set('/proc/self/status', 'Cpus_allowed_list:\t3\n')
    const { cpu } = await probeHardware({ tree: memoryTree(files), platform: 'linux', addresses: {} })
    assert.equal(cpu.limitMilli, 1000)
  })

  it('asks systeminformation for what /proc lacks', async () => {
    const hardware = HardwareSummary.parse(
      await probeHardware({ tree: memoryTree(new Map()), platform: 'linux', addresses: {} }),
    )
    assert.equal(hardware.cpu.logicalCores, os.cpus().length)
    assert.equal(hardware.memory.totalBytes, os.totalmem())
    assert.notEqual(hardware.os.distribution, '')
  })

  it('without /proc at all, as on macOS, gives a valid summary from the package', async function () {
    this.timeout(30_000)
    const hardware = HardwareSummary.parse(await probeHardware({ platform: 'darwin' }))
    assert.equal(hardware.cpu.logicalCores, os.cpus().length)
    assert.ok(hardware.cpu.features.length > 0)
    assert.equal(hardware.memory.totalBytes, os.totalmem())
  })

  it('keeps a machine with very much of everything within its bytes', async () => {
    const files = treeFiles('v2-nested')
    const addresses: Record<string, os.NetworkInterfaceInfo[]> = {}
    for (let n = 0; n < 40; n++) {
      files.set(`/sys/block/nvme${n}n1/size`, '1000000000')
      files.set(`/sys/block/nvme${n}n1/device/model`, 'x')
      files.set(`/sys/class/net/a-rather-long-name-${n}/device/vendor`, 'x')
      addresses[`a-rather-long-name-${n}`] = Array.from({ length: 20 }, (_, m) =>
        ipv6(`2001:db8:ffff:ffff:ffff:ffff:ff${n + 10}:ff${m + 10}`),
      )
    }
    files.set('/proc/cpuinfo', `processor: 0\nmodel name: x${'\u{1F5A5}'.repeat(300)}\n`)
    files.set('/proc/sys/kernel/hostname', 'h'.repeat(500))
    const hardware = HardwareSummary.parse(
      await probeHardware({ tree: memoryTree(files), platform: 'linux', addresses }),
    )
    assert.ok(encode(hardware).length <= HARDWARE_LIMITS.bytes, `${encode(hardware).length} bytes`)
    assert.ok(hardware.cpu.model.isWellFormed())
    assert.ok(hardware.disks.length > 0 && hardware.interfaces.length > 0)
  })

  it('gives a valid, small summary and valid labels whatever the files hold', async function () {
    this.timeout(60_000)
    const texts = fc.oneof(
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.integer().map(String),
      fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String),
    )
    const names: TreeName[] = ['v1-container', 'v2-nested', 'hybrid', 'arm-big-little']
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.nat(), texts), { maxLength: 8 }),
        async (name, changes) => {
          const files = treeFiles(name)
          // An unreadable cpuinfo goes to the package and its processes; that path has its own test.
          const paths = [...files.keys()].filter((path) => path !== '/proc/cpuinfo')
          for (const [at, text] of changes) files.set(paths[at % paths.length]!, text)
          if (!files.has('/etc/os-release')) files.set('/etc/os-release', '')
          const hardware = await probeHardware({ tree: memoryTree(files), platform: 'linux', addresses: {} })
          assert.deepEqual(HardwareSummary.parse(hardware), hardware)
          assert.ok(encode(hardware).length <= HARDWARE_LIMITS.bytes)
          Labels.parse(deriveLabels(hardware))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  describe('on this machine', () => {
    it('agrees with Node', async () => {
      const hardware = HardwareSummary.parse(await probeHardware())
      assert.equal(hardware.cpu.logicalCores, os.cpus().length)
      assert.equal(hardware.memory.totalBytes, os.totalmem())
      assert.equal(hardware.os.kernel, os.release())
      assert.equal(hardware.os.hostname, os.hostname())
      assert.equal(hardware.cpu.architecture, os.machine())
      assert.ok(hardware.cpu.physicalCores <= hardware.cpu.logicalCores)
      const outside = Object.values(os.networkInterfaces())
        .flatMap((infos) => infos ?? [])
        .filter(({ internal }) => !internal)
      const known = new Set(outside.map(({ address }) => address))
      assert.ok(hardware.interfaces.flatMap(({ addresses }) => addresses).every((address) => known.has(address)))
    })

    it('is small enough for the passport', async () => {
      const hardware = await probeHardware()
      assert.ok(encode(hardware).length <= 2560, `${encode(hardware).length} bytes`)
    })

    it('on Linux starts no process and does not load systeminformation', async function () {
      requireOrSkip(this, process.platform === 'linux', 'not on Linux')
      const started: unknown[] = []
      const note = (message: unknown): void => void started.push(message)
      const loaded = (): boolean =>
        Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('systeminformation'))
      const before = loaded()
      subscribe('child_process', note)
      try {
        await probeHardware()
      } finally {
        unsubscribe('child_process', note)
      }
      assert.deepEqual(started, [])
      assert.equal(loaded(), before)
    })
  })
})
