import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import {
  type Cgroups,
  findCgroups,
  readCgroupLimits,
  readCgroupMemoryAvailable,
  readQuotaUsage,
} from '../../../src/hw/cgroup.ts'
import { fileTree } from '../../../src/hw/file-tree.ts'
import { requireOrSkip } from '../../support/require.ts'
import { memoryTree, treeFiles } from './trees.ts'

const MiB = 1024 * 1024

describe('cgroup limits', () => {
  describe('of a v1 container', () => {
    const tree = memoryTree(treeFiles('v1-container'))
    const cgroups = findCgroups(tree)

    it('finds its own group at the root of each mount', () => {
      assert.deepEqual(cgroups, {
        memory: { version: 'v1', dirs: ['/sys/fs/cgroup/memory'] },
        cpu: { version: 'v1', dirs: ['/sys/fs/cgroup/cpu,cpuacct'] },
      })
    })
    it('takes the limit of an ancestor that no mount shows', () => {
      assert.deepEqual(readCgroupLimits(tree, cgroups), { memoryBytes: 512 * MiB, cpuMilli: 1500 })
    })
    it('counts the inactive file cache of the whole group as available', () => {
      assert.equal(readCgroupMemoryAvailable(tree, cgroups), (512 - 200 + 50) * MiB)
    })
    it('tells the CPU time used against the quota, however many nanoseconds it is', () => {
      assert.deepEqual(readQuotaUsage(tree, cgroups), { usedUs: 123456789012345, limitMilli: 1500 })
    })
  })

  describe('of a nested v2 service', () => {
    const tree = memoryTree(treeFiles('v2-nested'))
    const cgroups = findCgroups(tree)

    it('walks up to the mount', () => {
      assert.deepEqual(cgroups.memory?.dirs, [
        '/sys/fs/cgroup/user.slice/user-1000.slice/althing.service',
        '/sys/fs/cgroup/user.slice/user-1000.slice',
        '/sys/fs/cgroup/user.slice',
        '/sys/fs/cgroup',
      ])
    })
    it('takes the tightest of all levels, and memory.high as a limit', () => {
      assert.deepEqual(readCgroupLimits(tree, cgroups), { memoryBytes: 2048 * MiB, cpuMilli: 2500 })
    })
    it('takes what is available at the fullest level', () => {
      // The service has 3 GiB left, the slice above 2048 − 1536 + 512 MiB.
      assert.equal(readCgroupMemoryAvailable(tree, cgroups), 1024 * MiB)
    })
    it('reads the account of the level that has the quota', () => {
      assert.deepEqual(readQuotaUsage(tree, cgroups), { usedUs: 5_000_000, limitMilli: 2500 })
    })
  })

  it('on a hybrid host reads each controller where it lives', () => {
    const tree = memoryTree(treeFiles('hybrid'))
    const cgroups = findCgroups(tree)
    assert.equal(cgroups.memory?.version, 'v1')
    // Were the unified hierarchy believed, the limit would be one byte.
    assert.deepEqual(readCgroupLimits(tree, cgroups), { memoryBytes: 768 * MiB })
    assert.equal(readQuotaUsage(tree, cgroups), undefined)
  })

  it("takes v1's enormous number for no limit", () => {
    const files = treeFiles('hybrid')
    files.set('/sys/fs/cgroup/memory/outer/memory.limit_in_bytes', '9223372036854771712\n')
    const tree = memoryTree(files)
    assert.deepEqual(readCgroupLimits(tree, findCgroups(tree)), {})
    assert.equal(readCgroupMemoryAvailable(tree, findCgroups(tree)), undefined)
  })

  it('says nothing where there are no cgroups', () => {
    const tree = memoryTree(treeFiles('arm-big-little'))
    assert.deepEqual(findCgroups(tree), {})
    assert.deepEqual(readCgroupLimits(tree, {}), {})
    assert.equal(readCgroupMemoryAvailable(tree, {}), undefined)
  })

  it('does not take another group for its own when it lies outside the namespace', () => {
    const files = treeFiles('v2-nested')
    files.set('/proc/self/cgroup', '0::/../user.slice\n')
    assert.deepEqual(findCgroups(memoryTree(files)), {})
  })

  it('falls back to the nearest ancestor that exists', () => {
    const files = treeFiles('v2-nested')
    files.set('/proc/self/cgroup', '0::/user.slice/gone/deeper\n')
    assert.equal(findCgroups(memoryTree(files)).memory?.dirs[0], '/sys/fs/cgroup/user.slice')
  })

  describe('on this machine', () => {
    const tree = fileTree()
    let own: Cgroups
    const dirs: string[] = []

    /** Makes a group below our own, or says why that cannot be done. */
    const makeGroup = (context: Mocha.Context, dir: string | undefined): string => {
      const group = `${dir}/althing-test-${process.pid}`
      try {
        assert.ok(dir)
        mkdirSync(group)
        dirs.push(group)
      } catch {
        requireOrSkip(context, false, 'no writable cgroup')
      }
      return group
    }
    const set = (context: Mocha.Context, file: string, value: string): void => {
      try {
        writeFileSync(file, value)
      } catch {
        requireOrSkip(context, false, 'no writable cgroup with the memory and cpu controllers')
      }
    }

    before(() => {
      own = findCgroups(tree)
    })
    afterEach(() => {
      for (const dir of dirs.splice(0)) rmdirSync(dir)
    })

    it('a process put under a limit and a quota sees both', async function () {
      this.timeout(30_000)
      const { memory, cpu } = own
      requireOrSkip(this, memory !== undefined && cpu !== undefined, 'no cgroups')
      assert.ok(memory !== undefined && cpu !== undefined)
      const memoryDir = makeGroup(this, memory.dirs[0])
      const cpuDir = cpu.dirs[0] === memory.dirs[0] ? memoryDir : makeGroup(this, cpu.dirs[0])
      if (memory.version === 'v1') set(this, `${memoryDir}/memory.limit_in_bytes`, String(300 * MiB))
      else set(this, `${memoryDir}/memory.max`, String(300 * MiB))
      if (cpu.version === 'v1') set(this, `${cpuDir}/cpu.cfs_quota_us`, '70000')
      else set(this, `${cpuDir}/cpu.max`, '70000 100000')

      const script = `
        const { findCgroups, readCgroupLimits, readCgroupMemoryAvailable } = await import(process.argv[1])
        const { fileTree } = await import(process.argv[2])
        const cgroups = findCgroups(fileTree())
        const available = readCgroupMemoryAvailable(fileTree(), cgroups)
        console.log(JSON.stringify({ ...readCgroupLimits(fileTree(), cgroups), available }))`
      const modules = ['cgroup.ts', 'file-tree.ts'].map(
        (file) => new URL(`../../../src/hw/${file}`, import.meta.url).href,
      )
      const { stdout } = await promisify(execFile)('/bin/sh', [
        '-c',
        'echo $$ >"$0/cgroup.procs" && echo $$ >"$1/cgroup.procs" && shift && exec "$@"',
        memoryDir,
        cpuDir,
        process.execPath,
        '--no-warnings',
        '--input-type=module',
        '-e',
        script,
        ...modules,
      ])
      const seen = JSON.parse(stdout) as { memoryBytes: number; cpuMilli: number; available: number }
      assert.equal(seen.memoryBytes, 300 * MiB)
      assert.equal(seen.cpuMilli, 700)
      assert.ok(seen.available > 0 && seen.available < 300 * MiB, `available ${seen.available}`)
    })

    it('finds the groups the kernel lists for this process', async function () {
      const { memory } = own
      requireOrSkip(this, memory !== undefined, 'no cgroups')
      assert.ok(memory !== undefined)
      const child = spawn('cat', [`${memory.dirs[0]}/cgroup.procs`], { stdio: ['ignore', 'pipe', 'inherit'] })
      let procs = ''
      child.stdout.on('data', (chunk: Buffer) => (procs += chunk.toString()))
      await once(child, 'close')
      assert.ok(procs.split('\n').includes(String(process.pid)))
    })
  })
})
