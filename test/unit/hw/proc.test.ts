import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  parseCpuinfo,
  parseCpuList,
  parseFlatKeyed,
  parseLoadAverage,
  parseMeminfo,
  parseMountinfo,
  parseOsRelease,
  parseProcCgroup,
  parseProcStat,
} from '../../../src/hw/proc.ts'
import { treeFiles } from './trees.ts'

describe('parsers of /proc', () => {
  it('reads CPU lists, and skips what is none', () => {
    assert.deepEqual(parseCpuList('0-2,5\n'), [0, 1, 2, 5])
    assert.deepEqual(parseCpuList('7,1-1,x,-3,2-,'), [1, 7])
    assert.deepEqual(parseCpuList('5-3'), [])
    assert.equal(parseCpuList('0-99999').length, 8192)
  })

  it('counts stolen time as busy and waiting for a disk as idle', () => {
    assert.deepEqual(parseProcStat('cpu  1 2 3 100 10 4 5 6 1 2\ncpu0 1 1 1 1\n'), { busy: 21, total: 131 })
    assert.equal(parseProcStat('cpu0 1 2 3 4\n'), undefined)
    assert.equal(parseProcStat(''), undefined)
  })

  it('reads quoted and bare os-release values', () => {
    const release = parseOsRelease(`ID=debian\nNAME="A \\"B\\" \\$C"\nX='y z'\n# comment\nlower=no\nE=\n`)
    assert.deepEqual(
      [...release],
      [
        ['ID', 'debian'],
        ['NAME', 'A "B" $C'],
        ['X', 'y z'],
        ['E', ''],
      ],
    )
  })

  it('reads mounts with any number of optional fields and with escaped blanks', () => {
    const [plain, shared, ...rest] = parseMountinfo(
      '22 27 0:21 / /a\\040b rw - ext4 /dev/sda1 rw,x\n' +
        '23 27 8:1 /sub /c rw shared:1 master:2 - tmpfs none rw\n' +
        'nonsense\n24 27 8:1 / /d rw shared:1\n',
    )
    assert.equal(plain?.mountPoint, '/a b')
    assert.deepEqual(plain?.superOptions, ['rw', 'x'])
    assert.deepEqual([shared?.device, shared?.root, shared?.fsType], ['8:1', '/sub', 'tmpfs'])
    assert.deepEqual(rest, [])
  })

  it('reads cgroup lines, whose paths may hold colons', () => {
    assert.deepEqual(parseProcCgroup('4:cpu,cpuacct:/a:b\n1:name=systemd:/s\n0::/u\nrubbish\n'), [
      { controllers: ['cpu', 'cpuacct'], path: '/a:b' },
      { controllers: ['name=systemd'], path: '/s' },
      { controllers: [], path: '/u' },
    ])
  })

  it('tells the model line of an old ARM kernel from the list of processors', () => {
    const facts = parseCpuinfo('Processor\t: ARMv7 rev 4 (v7l)\nprocessor\t: 0\nprocessor\t: 1\nCPU part\t: 0xC07\n')
    assert.equal(facts.processors, 2)
    assert.equal(facts.fields.get('processor'), 'ARMv7 rev 4 (v7l)')
    assert.deepEqual(facts.armParts, ['/0xc07'])
  })

  describe('on arbitrary bytes', () => {
    /** Every parser, with a valid text to mutate. */
    const files = treeFiles('v2-nested')
    const arm = treeFiles('arm-big-little')
    const parsers: [string, (text: string) => unknown, string][] = [
      ['cpuinfo', parseCpuinfo, arm.get('/proc/cpuinfo')!],
      ['CPU list', parseCpuList, '0-3,7,9-12'],
      ['meminfo', parseMeminfo, files.get('/proc/meminfo')!],
      ['flat keyed', parseFlatKeyed, 'usage_usec 5000000\nuser_usec 4000000\n'],
      ['os-release', parseOsRelease, files.get('/etc/os-release')!],
      ['stat', parseProcStat, files.get('/proc/stat')!],
      ['loadavg', parseLoadAverage, files.get('/proc/loadavg')!],
      ['mountinfo', parseMountinfo, files.get('/proc/self/mountinfo')!],
      ['cgroup', parseProcCgroup, '4:cpu,cpuacct:/a\n0::/user.slice\n'],
    ]
    for (const [name, parse, valid] of parsers) {
      it(`${name}: never throws`, function () {
        this.timeout(30_000)
        const junk = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('utf8'))
        const mutated = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
          const bytes = Buffer.from(valid)
          for (const [at, value] of changes) bytes[at] = value
          return bytes.toString('utf8')
        })
        fc.assert(
          fc.property(fc.oneof(junk, mutated), (text) => {
            parse(text)
          }),
          { numRuns: 10_000 },
        )
      })
    }

    it('hold on to a bounded amount of a huge file', () => {
      const lines = (line: (n: number) => string): string =>
        Array.from({ length: 100_000 }, (_, n) => line(n)).join('\n')
      assert.ok(parseCpuinfo(lines((n) => `key ${n}: v`)).fields.size <= 256)
      assert.ok(parseCpuinfo(lines((n) => `CPU part: ${n}`)).armParts.length <= 8)
      assert.ok(parseMeminfo(lines((n) => `K${n}: 1 kB`)).size <= 256)
      assert.ok(parseOsRelease(lines((n) => `K${n}=1`)).size <= 256)
      assert.ok(parseMountinfo(lines(() => '1 2 0:1 / / rw - a b c')).length <= 4096)
      assert.ok(parseProcCgroup(lines((n) => `${n}:c:/`)).length <= 64)
    })
  })
})
