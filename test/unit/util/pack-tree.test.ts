import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { extract, list } from 'tar'
import { LeftOut } from '../../../src/util/left-out.ts'
import { packTree } from '../../../src/util/pack-tree.ts'

describe('packing a tree', () => {
  let dir: string
  let source: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'althing-pack-'))
    source = join(dir, 'source')
    mkdirSync(source)
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  const at = (...parts: string[]): string => join(source, ...parts)
  async function pack(paths: readonly string[] = ['.']): Promise<{ tar: Buffer; names: string[]; leftOut: string[] }> {
    const leftOut: string[] = []
    const onLeftOut = (path: string, why: string): void => void leftOut.push(`${path}: ${why}`)
    const tar = await buffer(packTree({ cwd: source, paths, onLeftOut, leaveOutUnreadable: true }))
    const names: string[] = []
    list({ sync: true, strict: true, onReadEntry: ({ path }) => void names.push(path) }).end(tar)
    return { tar, names, leftOut }
  }
  async function unpacked(tar: Buffer): Promise<(...parts: string[]) => string> {
    const target = join(dir, 'target')
    mkdirSync(target)
    writeFileSync(join(dir, 'tar'), tar)
    await extract({ file: join(dir, 'tar'), cwd: target, strict: true })
    return (...parts) => join(target, ...parts)
  }

  for (const [what, script, expected] of [
    ['a pipe before a directory', 'mkfifo ff; mkdir d', ['./', './d/']],
    ['a pipe between a directory and a file', 'mkfifo z; mkdir d; echo x >zz', ['./', './d/', './zz']],
    ['a pipe behind two directories', 'mkdir a b; mkfifo c; touch x', ['./', './a/', './b/', './x']],
    ['nothing but a pipe', 'mkfifo only', ['./']],
  ] as const) {
    it(`comes to its end with ${what}`, async () => {
      execFileSync('sh', ['-c', script], { cwd: source })
      const { names, leftOut } = await pack()
      assert.deepEqual(names, expected)
      assert.match(leftOut.join(), /^\.\/\w+: a named pipe$/)
    })
  }

  it('names a socket, and names that are not UTF-8, with all that is below', async () => {
    const server = createServer().listen(at('sock'))
    await once(server, 'listening')
    const odd = Buffer.concat([Buffer.from(at('d')), Buffer.from([0xe9])])
    mkdirSync(odd)
    writeFileSync(Buffer.concat([odd, Buffer.from('/x')]), '')
    writeFileSync(at('h\u00e9'), '')
    symlinkSync(Buffer.from([0xff]), at('link'))
    const { names, leftOut } = await pack()
    server.close()
    assert.deepEqual(names, ['./', './h\u00e9'])
    assert.deepEqual(leftOut, [
      './d\\xe9: its name is not UTF-8',
      './link: it leads to what is not UTF-8',
      './sock: a socket',
    ])
  })

  it('brings back contents, modes, times, links of both kinds, long and strange names', async () => {
    const long = 'n\u00f6'.repeat(60)
    mkdirSync(at('d', long, long), { recursive: true })
    writeFileSync(at('d', long, long, 'deep'), 'deep')
    const large = Buffer.alloc(700_001, 'abcdefg')
    writeFileSync(at('large'), large, { mode: 0o755 })
    linkSync(at('large'), at('second'))
    symlinkSync('/usr/bin/python3', at('absolute'))
    for (const name of ['@at', 'c:drive', 'back\\slash', 'line\nbreak', '-n', '...']) writeFileSync(at(name), name)
    const { tar, leftOut } = await pack()
    assert.deepEqual(leftOut, [])
    rmSync(at('absolute'))
    const again = await unpacked((await pack()).tar)
    assert.equal(readFileSync(again('d', long, long, 'deep'), 'utf8'), 'deep')
    assert.ok(readFileSync(again('large')).equals(large))
    assert.equal(lstatSync(again('large')).mode & 0o777, 0o755)
    assert.equal(lstatSync(again('large')).ino, lstatSync(again('second')).ino)
    assert.equal(
      Math.floor(lstatSync(again('large')).mtimeMs / 1000),
      Math.floor(lstatSync(at('large')).mtimeMs / 1000),
    )
    for (const name of ['@at', 'c:drive', 'back\\slash', 'line\nbreak', '-n', '...'])
      assert.equal(readFileSync(again(name), 'utf8'), name)
    const links: unknown[] = []
    list({ sync: true, onReadEntry: ({ path, linkpath }) => void (path === './absolute' && links.push(linkpath)) }).end(
      tar,
    )
    assert.deepEqual(links, ['/usr/bin/python3'], 'whoever unpacks it decides')
  })

  it('leaves out what the library would take for something else', async () => {
    writeFileSync(at(`${'l'.repeat(120)}\nx`), '')
    writeFileSync(at('a\\..\\b'), '')
    const { names, leftOut } = await pack()
    assert.deepEqual(names, ['./'])
    assert.equal(leftOut[0], './a\\..\\b: there is .. in its name')
    assert.match(leftOut[1]!, /a long name has a line break$/)
  })

  it('is the same for the same content, in whatever order it was made', async () => {
    for (const name of ['b', 'a', 'c']) writeFileSync(at(name), name)
    const [one, two] = [await pack(), (rmSync(at('b')), writeFileSync(at('b'), 'b'), await pack())]
    assert.deepEqual(one.names, ['./', './a', './b', './c'])
    const times = (tar: Buffer): Buffer => {
      const copy = Buffer.from(tar)
      for (let start = 0; start + 512 <= copy.length; start += 512) copy.fill(0, start + 136, start + 156)
      return copy
    }
    const hash = (tar: Buffer): string => createHash('sha256').update(times(tar)).digest('hex')
    assert.equal(hash(one.tar), hash(two.tar))
  })

  it('packs thousands of files in one directory, each under its name', async () => {
    for (let n = 0; n < 3_000; n++) writeFileSync(at(`f${String(n).padStart(4, '0')}`), `${n}`)
    const { names } = await pack()
    assert.equal(names.length, 3_001)
    assert.deepEqual(names.slice(-2), ['./f2998', './f2999'])
  })

  it('fails for a file that becomes shorter, and for a path that is not there', async () => {
    writeFileSync(at('shrinks'), '')
    truncateSync(at('shrinks'), 100_000_000)
    const stream = packTree({ cwd: source, paths: ['.'], onLeftOut: () => {} })
    await assert.rejects(
      async () => {
        let bytes = 0
        for await (const chunk of stream) {
          bytes += (chunk as Buffer).length
          if (bytes > 10_000) truncateSync(at('shrinks'), 0)
        }
      },
      { code: 'changed', message: './shrinks became shorter while it was packed' },
    )
    await assert.rejects(pack(['missing']), { code: 'unreadable', message: 'missing cannot be read: ENOENT' })
  })

  it('leaves out what may not be read, when that is wanted, and fails otherwise', async () => {
    writeFileSync(at('secret'), 'x', { mode: 0 })
    writeFileSync(at('open'), 'x', { mode: 0o644 })
    for (const path of [dir, source]) chmodSync(path, 0o755)
    const isRoot = process.getuid!() === 0
    // Root may read everything.
    if (isRoot) process.seteuid!('nobody')
    try {
      const { names, leftOut } = await pack()
      assert.deepEqual([names, leftOut], [['./', './open'], ['./secret: it may not be read']])
      await assert.rejects(buffer(packTree({ cwd: source, paths: ['.'], onLeftOut: () => {} })), {
        code: 'unreadable',
        message: './secret cannot be read: EACCES',
      })
    } finally {
      if (isRoot) process.seteuid!(0)
    }
  })

  it('says of what was left out as much as can be read', () => {
    const leftOut = new LeftOut()
    assert.equal(leftOut.describe(), undefined)
    leftOut.add('./a', 'a socket')
    assert.equal(leftOut.describe(), 'a (a socket)')
    for (let n = 0; n < 12; n++) leftOut.add(`${'x'.repeat(100)}${n}`, 'a named pipe')
    assert.match(leftOut.describe()!, /^a \(a socket\), …x{79}0 \(a named pipe\), .* and 3 more$/)
  })

  it('follows no link, and keeps where it leads', async () => {
    symlinkSync('nowhere', at('dangling'))
    symlinkSync('.', at('circle'))
    const again = await unpacked((await pack()).tar)
    assert.deepEqual([readlinkSync(again('dangling')), readlinkSync(again('circle'))], ['nowhere', '.'])
  })
})
