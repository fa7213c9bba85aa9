/** Words that are wrong: one line with the flag, what was given, what was expected and an example; nothing is begun. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cli } from '../../support/cli.ts'

const PEER = '12D3KooWLanQSE48iayrP2uBepho7o6rC1GSw6LHwCLCQfxvehVF'

describe('cli: wrong words', function () {
  this.timeout(30_000)
  let dir: string
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'althing-words-'))
    writeFileSync(join(dir, 'file'), '')
  })
  after(() => rmSync(dir, { recursive: true, force: true }))

  /** Runs it where it would find no daemon, and checks all but what the line says. */
  async function refusal(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const { code, stdout, stderr } = await cli(args, { cwd: dir, env: { ALTHING_DATA_DIR: join(dir, 'data'), ...env } })
    assert.deepEqual([code, stdout], [2, ''], stderr)
    assert.match(stderr, /^althing: .*\n$/, 'one line')
    assert.ok(!existsSync(join(dir, 'data')), 'nothing was written')
    return stderr.slice('althing: '.length, -1)
  }

  const up: [string, string, RegExp][] = [
    ['--label', 'x', /^--label x: expected KEY=VALUE, such as zone=attic$/],
    ['--label', 'bad key=1', /^--label 'bad key=1': expected a label key: .*, such as zone=attic$/],
    ['--label', 'zone=a b', /^--label 'zone=a b': expected a label value: .*, such as zone=attic$/],
    ['--name', 'x'.repeat(300), /^--name x{80}…: expected a name of lower-case letters.*, such as attic/],
    ['--name', 'Bad Name!', /^--name 'Bad Name!': expected a name/],
    ['--name', '', /^--name '': expected a name/],
    ['--cluster', 'a/b', /^--cluster a\/b: expected up to 64 of .*, such as home$/],
    ['--listen', 'nonsense', /^--listen nonsense: expected a TCP address.*, such as \/ip4\/10\.0\.0\.5\/tcp\/4100/],
    ['--join', 'nonsense', /^--join nonsense: expected an address as `althing status` prints it/],
    ['--join', '/ip4/10.0.0.5/tcp/4100', /^--join \S+: \/p2p\/ and a peer id are missing at its end; .*such as/],
    ['--join', `/ip4/10.0.0.5/tcp/4100/p2p/${PEER}x`, /: what follows \/p2p\/ is no peer id; expected/],
    ['--trust', 'nobody', /^--trust nobody: expected a peer id: 12D3KooW/],
    ['--log-level', 'loud', /^--log-level loud: expected debug, info, warn or error$/],
    ['--cpu', 'all', /^--cpu all: expected a CPU amount such as 2, 0\.5 or 500m: /],
    ['--page-port', '-1', /^--page-port -1: expected a whole number from 0 to 65535, such as 4180$/],
    ['--api-listen', 'attic:4443', /^--api-listen attic:4443: expected an address of this machine and a port, such as/],
    ['--api-listen', '10.0.0.5', /^--api-listen 10\.0\.0\.5: expected an address/],
    ['--api-listen', '10.0.0.5:65536', /^--api-listen 10\.0\.0\.5:65536: expected an address/],
    ['--api-listen', '::1:4443', /^--api-listen ::1:4443: expected .*\[::\]:4443$/],
    ['--tls-cert', 'file', /^--tls-cert is of no use without --api-listen$/],
    [
      '--api-allow',
      '10.0.0.0/33',
      /^--api-allow 10\.0\.0\.0\/33: the length behind \/ is 0 to 32; .*such as 10\.0\.0\.0\/8/,
    ],
    ['--api-allow', '10.0.0.5/8', /^--api-allow 10\.0\.0\.5\/8: it has bits/],
    [
      '--api-host',
      'http://x',
      /^--api-host http:\/\/x: expected a name, with or without a port, such as mesh\.example/,
    ],
    ['--jwks', 'none.json', /^--jwks none\.json: there is no such file; expected a file or an https address$/],
    ['--jwks', 'http://id.example/k', /^--jwks \S+: expected an https address/],
    ['--jwt-role', 'devs', /^--jwt-role devs: expected GROUP=ROLE, such as mesh-ops=operator$/],
    ['--jwt-role', 'devs=root', /^--jwt-role devs=root: expected viewer, submitter, operator or admin$/],
    ['--passport', 'none.yaml', /^--passport none\.yaml: there is no such file.*such as \.\/passport\.yaml$/],
    ['--data-dir', 'file/below', /^--data-dir file\/below: a part of the path is no directory; expected a directory/],
    ['--data-dir', 'file', /^--data-dir file: it is a file; expected a directory that can be written, such as ~/],
    ['--data-dir', '', /^--data-dir '': expected a directory, such as /],
  ]
  for (const [flag, value, message] of up) {
    it(`up ${flag} ${JSON.stringify(value.slice(0, 60))}`, async () => {
      assert.match(await refusal(['up', flag, value]), message)
    })
  }

  it('up --detach: as without it', async () => {
    assert.match(await refusal(['up', '--detach', '--label', 'bad key=1']), /^--label 'bad key=1': expected/)
    assert.match(await refusal(['up', '--detach', '--data-dir', 'file/below']), /^--data-dir file\/below: /)
    const env = { ALTHING_DATA_DIR: join(dir, 'file') }
    assert.match(await refusal(['up', '--detach'], env), /^ALTHING_DATA_DIR=\S+: it is a file; expected a directory/)
  })

  it('up: what a variable says, by the name of the variable', async () => {
    assert.match(await refusal(['up'], { ALTHING_PORT: 'x' }), /^ALTHING_PORT=x: expected a whole number from 0/)
  })

  it('up: more labels than a node may have, from the file and the line together', async () => {
    const label = (n: number) => `l${n}`
    const some = Array.from({ length: 60 }, (_, n) => label(n))
    writeFileSync(join(dir, 'many.yaml'), JSON.stringify({ labels: Object.fromEntries(some.map((key) => [key, 'x'])) }))
    const line = (from: number) => some.flatMap((_, n) => ['--label', `${label(from + n)}=y`])
    const most = /^more than 100 labels, by --label and the file of options together$/
    assert.match(await refusal(['up', '--config', 'many.yaml', ...line(60)]), most)
    const file = join(dir, 'file')
    assert.match(
      await refusal(['up', '--config', 'many.yaml', '--data-dir', file, ...line(20)]),
      /--data-dir/,
      'eighty',
    )
  })

  it('up: an address of keys is no file, however it is written', async () => {
    const jwt = ['--jwt-issuer', 'i', '--jwt-audience', 'a', '--jwks', 'HTTPS://id.example/jwks']
    assert.match(await refusal(['up', ...jwt, '--data-dir', 'file']), /^--data-dir file: it is a file/)
  })

  const others: [string[], RegExp][] = [
    [['wards', '-l', 'a=b'], /^--selector is for the nodes of one ward: name that, such as attic\/01$/],
    [['config', 'set', 'nothing.such=1'], /^key=value nothing\.such=1: there is no such setting/],
    [['config', 'set', 'bids.ask=17', '--for', '1h'], /^key=value bids\.ask=17: expected a whole number from 1 to 16/],
    [['config', 'set', 'bids.ask=4', '--share', '25'], /^--share 25: expected a share from 1% to 99%, such as 25%$/],
    [['config', 'set', 'bids.ask=4', '--share', '100%'], /^--share 100%: expected a share from 1% to 99%/],
    [['config', 'set', 'bids.ask=4', '--share', '0%'], /^--share 0%: expected a share from 1% to 99%/],
    [['config', 'unset', 'bids.ask', '--for', '31d'], /^--for 31d: expected at most 30d$/],
    [['run', '--cpu', '0', '--', 'true'], /^--cpu 0: expected at least 10m, such as 2, 0\.5 or 500m$/],
    [['run', '--memory', '0', '--', 'true'], /^--memory 0: expected at least 1Mi, such as 512Mi or 2Gi/],
    [['run', '-e', '1X=3', '--', 'true'], /^--env 1X=3: expected NAME=VALUE.* such as MODE=fast$/],
    [['run', '-e', 'NOT_SET_HERE', '--', 'true'], /^--env NOT_SET_HERE: no variable of this name is set here/],
    [['run', '--timeout', '2', '--', 'true'], /^--timeout 2: give a unit, such as 2s or 2m$/],
    [['run', '--timeout', '999d', '--', 'true'], /^--timeout 999d: expected at most 365d$/],
    [['run', '--grace', '2h', '--', 'true'], /^--grace 2h: expected at most 1h$/],
    [['run', '--place-timeout', '31d', '--', 'true'], /^--place-timeout 31d: expected at most 30d$/],
    [['run', '--name', 'x'.repeat(129), '--', 'true'], /^--name x{80}…: expected a name of at most 128 characters/],
    [
      ['run', '--output', 'file/out', '--', 'true'],
      /^--output file\/out: a part of the path is no directory; expected/,
    ],
    [['run', '--output', 'file', '--', 'true'], /^--output file: it is a file; expected/],
    [['run', '--', ''], /^command '': expected the program to run, such as uname$/],
    [['run', '-l', 'a==', '--', 'true'], /^--selector a==: expected a value after ==, as in zone=attic/],
    [['nodes', '-l', 'a=='], /^--selector a==: expected a value after ==/],
    [['find', 'x', '-l', 'a b'], /^--selector 'a b': position 3: expected one of/],
    [['why', ''], /^task '': expected an id or the beginning of one, as `althing ps --all` lists them$/],
    [['logs', ''], /^task '': expected an id/],
    [['cancel', 'a', ''], /^task '': expected an id/],
    [['node', ''], /^node '': expected a name or a peer id/],
    [['find', ''], /^capability '': expected a capability, such as write_article$/],
    [['nodes', '--socket', ''], /^--socket '': expected the path of a socket/],
  ]
  for (const [args, message] of others) {
    it(args.join(' ').slice(0, 60), async () => assert.match(await refusal(args), message))
  }

  it('a command that is too large: by its words, and in all', async () => {
    const word = 'x'.repeat(30_000)
    const fix = /\n {2}fix: put large data into a file, and send that with --input\n$/
    for (const [words, message] of [
      [['sh', '-c', 'x'.repeat(32 * 1024 + 1)], /^althing: word 3 of the command has more than 32768 characters\n/],
      [['sh', word, word, word], /^althing: the command and its variables take .* KiB: expected at most 64 KiB\n/],
      [Array.from({ length: 4_097 }, () => 'x'), /^althing: the command has 4097 words: expected at most 4096\n/],
    ] as [string[], RegExp][]) {
      const { code, stderr } = await cli(['run', '--', ...words], { cwd: dir, env: { ALTHING_DATA_DIR: dir } })
      assert.equal(code, 2)
      assert.match(stderr, message)
      assert.match(stderr, fix)
    }
  })

  it('words of no command, however they are called', async () => {
    assert.match((await cli(['constructor'])).stderr, /^althing: unknown command 'constructor'\n/)
    const { code, stderr } = await cli(['help', 'foo'])
    assert.deepEqual([code, stderr], [2, 'althing: unknown command foo\n  fix: `althing help` lists the commands\n'])
  })

  it('a data directory whose socket would have too long a path', async () => {
    const { code, stderr } = await cli(['nodes', '--data-dir', '/tmp/'.padEnd(200, 'x')])
    assert.equal(code, 2)
    assert.match(stderr, /^althing: the socket path .* this system allows \d+\n {2}fix: [^\n]*\n$/)
  })

  it('what needs no daemon does not mind a wrong word about one', async () => {
    const env = { ALTHING_API: 'nonsense', ALTHING_DATA_DIR: join(dir, 'other') }
    for (const args of [
      ['config', 'schema'],
      ['gov', 'key'],
    ]) {
      const { code, stderr } = await cli(args, { env })
      assert.deepEqual([code, stderr], [0, ''])
    }
    assert.match((await cli(['nodes'], { env: { ALTHING_API: 'nonsense' } })).stderr, /--api nonsense: expected/)
  })

  it('a data directory below a file has no daemon', async () => {
    mkdirSync(join(dir, 'sub'))
    const { code, stderr } = await cli(['nodes', '--data-dir', 'file/below'], { cwd: dir })
    assert.equal(code, 1)
    assert.match(stderr, /^althing: no daemon runs here \(tried .*file\/below\/althing\.sock\)\n {2}fix: /)
  })
})

describe('cli: help of run', function () {
  this.timeout(30_000)

  it('names the default of every option that has one', async () => {
    const { stdout } = await cli(['run', '--help'])
    // Descriptions are wrapped: joined again, each option is a line.
    const lines = stdout.replaceAll(/\n {20,}/g, ' ').split('\n')
    const defaults: [string, string][] = [
      ['--cpu', 'reserve 0.1'],
      ['--memory', 'reserve 64 MiB'],
      ['--selector', 'any'],
      ['--timeout', '1d, or the setting task.timeout'],
      ['--grace', '5s'],
      ['--place-timeout', '1d, or the setting task.place-timeout'],
      ['--retries', '0'],
      ['--count', '1'],
      ['--name', "the command's first word"],
    ]
    for (const [flag, value] of defaults) {
      const line = lines.find((text) => new RegExp(`^ +(-\\w, )?${flag} `).test(text))
      assert.ok(line?.includes(`(default: ${value})`), `${flag}: ${line}`)
    }
  })
})
