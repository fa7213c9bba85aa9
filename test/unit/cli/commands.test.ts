import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createJunk } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TTL_MS } from '../../../src/cli/commands/token.ts'
import { TOKEN_TTL } from '../../../src/model/access-api.ts'
import type { LogLine, TaskView } from '../../../src/model/api.ts'
import { VERSION } from '../../../src/node/version.ts'
import { cli, startCli, type CliRun } from '../../support/cli.ts'
import { PEER_B } from '../../support/fake-operations.ts'
import { startStatus, TOKEN, type StatusFixture } from '../../support/status-fixture.ts'
import { until } from '../../support/until.ts'

const RESOURCES = { cpuMilli: 100, memoryBytes: 1 }

describe('cli: commands against a daemon', function () {
  this.timeout(30_000)
  let status: StatusFixture
  before(async () => {
    status = await startStatus()
  })
  after(() => status.stop())
  const run = (...args: string[]): Promise<CliRun> => cli(args, { socketPath: status.socketPath })
  function submit(command: string[]): string {
    const spec = { command, resources: RESOURCES } as never
    return status.operations.submit({ spec, count: 1, placeTimeoutMs: 1 }).taskIds[0]!
  }

  it('nodes: a table for people, JSON for programs', async () => {
    const table = await run('nodes')
    assert.equal(table.stderr, '')
    const [header, first] = table.stdout.split('\n')
    assert.match(header!, /^NAME +STATE +ZONE +CPU +CPU FREE +MEM +MEM FREE +LOAD +TASKS +AGE$/)
    assert.match(first!, /^attic \* +ready +attic +4 +3 +8 GiB +7 GiB +25% +1 +2\.5s$/)
    const json = await run('nodes', '--json', '-l', 'zone=barn')
    assert.deepEqual(
      (JSON.parse(json.stdout) as { name: string }[]).map(({ name }) => name),
      ['barn'],
    )
    assert.equal(json.code, 0)
  })

  it('nodes: a selector that does not parse is wrong usage', async () => {
    const { code, stderr, stdout } = await run('nodes', '-l', '((')
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^althing: --selector '\(\(': position 1: expected a label key/)
  })

  it('nodes: says so when no node has the labels', async () => {
    const { code, stdout, stderr } = await run('nodes', '-l', 'zone=moon')
    assert.deepEqual([code, stdout.split('\n').length], [0, 2])
    assert.equal(stderr, 'althing: no node has the labels zone=moon; without -l all are listed\n')
    assert.equal((await run('nodes', '--json', '-l', 'zone=moon')).stderr, '')
  })

  it('wards: those of a large mesh, and the nodes of one', async () => {
    const { stderr } = await run('wards')
    assert.equal(stderr, 'althing: the mesh is one; it is cut into wards when it has more members\n')
    const free = { cpuMilli: 8_000, memoryBytes: 2 ** 34 }
    const ward = { members: 300, ready: 290, free, drivers: ['process'], ageMs: 12_000 }
    const [own, other] = [
      { ...ward, ward: 'attic/0', own: true, silent: false },
      { ...ward, ward: '_/1', own: false, silent: true },
    ]
    status.operations.wardsView = { ward: 'attic/0', movingTo: 'attic/01', wards: [own, other] }
    try {
      const table = await run('wards')
      const lines = table.stdout.trimEnd().split('\n')
      assert.match(lines[0]!, /^WARD +NODES +READY +CPU FREE +MEM FREE +DRIVERS +AGE$/)
      assert.match(lines[1]!, /^attic\/0 \* +300 +290 +8 +16 GiB +process +12s$/)
      assert.match(lines[2]!, /^_\/1 silent +300 /)
      assert.match(table.stderr, /on its way from attic\/0 to attic\/01/)
      assert.equal((JSON.parse((await run('wards', '--json')).stdout) as { ward: string }).ward, 'attic/0')
      assert.match((await run('nodes')).stderr, /^althing: 300 more in 1 other ward, see `althing wards`\n$/)
    } finally {
      status.operations.wardsView = { ward: '/', wards: [] }
    }
    const nodes = await run('wards', '_/1')
    assert.match(nodes.stdout, /^barn +/m)
    assert.equal(nodes.code, 1, 'not all could be told')
    assert.match(nodes.stderr, /ward _\/1 has more nodes than could be told/)
    const unknown = await run('wards', 'moon/')
    assert.equal(unknown.code, 1)
    assert.match(unknown.stderr, /no ward moon\/ is known/)
  })

  it('topology: a table region by region, JSON, or a graph', async () => {
    const table = (await run('topology')).stdout.trimEnd().split('\n')
    assert.match(table[0]!, /^NODE +STATE +REGION +ZONE +RTT +BASIS +RECEIVE +SEND$/)
    assert.match(table[1]!, /^barn "b"\\n +ready +farm +~barn +12 ms ±20% +estimated +12 MiB\/s +-$/)
    assert.match(table[2]!, /^attic \* +ready +- +attic +- +- +- +-$/)
    assert.equal((JSON.parse((await run('topology', '--json')).stdout) as { nodes: unknown[] }).nodes.length, 2)
    assert.match((await run('topology', '--dot')).stdout, /label="barn \\"b\\"\\\\n"/)
    const both = await run('topology', '--dot', '--json')
    assert.deepEqual([both.code, both.stdout], [2, ''])
    assert.match(both.stderr, /--dot and --json do not go together/)
  })

  it('node: details, and what to do when there is none', async () => {
    const shown = await run('node', 'barn')
    assert.match(shown.stdout, /^name +barn$/m)
    assert.match(shown.stdout, /^ +kubernetes\.io\/arch=amd64$/m)
    assert.match(shown.stdout, /cpu\.model: Test CPU/)
    const missing = await run('node', 'cellar')
    assert.deepEqual([missing.code, missing.stderr], [1, 'althing: no node cellar\n  fix: see `althing nodes --all`\n'])
  })

  it('find: the nodes, or the reasons why none', async () => {
    assert.match((await run('find', 'write_article')).stdout, new RegExp(`^barn +ready +25% +writer +${PEER_B}$`, 'm'))
    const none = await run('find', 'cook')
    assert.equal(none.code, 1)
    assert.match(none.stderr, /no node offers cook\n {2}barn names it, but is offline\n/)
  })

  it('status: the link with the token, and open in capitals', async () => {
    writeFileSync(join(status.dir, 'api-token'), `${TOKEN}\n`)
    const closed = await run('status')
    assert.match(closed.stdout, new RegExp(`^page +http://127\\.0\\.0\\.1:${status.port}/#token=${TOKEN}$`, 'm'))
    assert.match(closed.stdout, /^open +no/m)
    status.operations.open = true
    assert.match((await run('status')).stdout, /^open +YES: runs tasks of anyone/m)
    status.operations.open = false
    assert.doesNotMatch((await run('status', '--json')).stdout, new RegExp(TOKEN))
  })

  it('ps says whose a task is, where it is a tenant’s', async () => {
    status.operations.script = undefined
    const spec = { command: ['sleep', '1'], resources: RESOURCES } as never
    status.operations.submit({ spec, count: 1, placeTimeoutMs: 1 }, 'team-a')
    submit(['sleep', '2'])
    const { stdout } = await run('ps')
    assert.match(stdout, / submitter, team-a +no node/)
    assert.match(stdout, / submitter +no node/)
  })

  it('ps, logs and cancel', async () => {
    status.operations.script = undefined
    const id = submit(['sleep', '1'])
    assert.match(
      (await run('ps')).stdout,
      new RegExp(`^${id} +j\\d+ +sleep +queued +- .*no node has 64 cores free$`, 'm'),
    )
    status.operations.start(id)
    const following = startCli(['logs', '-f', id], { socketPath: status.socketPath })
    await until('it follows', () => status.operations.logReaders === 1)
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    status.operations.write(id, 'stdout', bytes)
    status.operations.write(id, 'stderr', 'warned\n')
    assert.equal((await run('cancel', id)).stdout, `${id}\n`)
    status.operations.end(id, { state: 'cancelled' })
    const logs = await following.done
    assert.deepEqual([...logs.stdoutBytes], [...bytes])
    assert.deepEqual([logs.stderr, logs.code], ['warned\n', 0])
    const one = await run('logs', '--stream', 'stderr', '--json', id)
    assert.deepEqual(
      one.stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as LogLine).stream),
      ['stderr'],
    )
    assert.doesNotMatch((await run('ps')).stdout, new RegExp(id))
    const all = await run('ps', '-a', '--json')
    assert.ok(
      (JSON.parse(all.stdout) as TaskView[]).some(({ taskId, state }) => taskId === id && state === 'cancelled'),
    )
    const late = await run('cancel', id, 'none')
    assert.equal(late.code, 1)
    assert.match(late.stderr, /has ended\n.*no task none/s)
  })

  it('why: bids with every term, declines with what was measured, and who was not asked', async () => {
    status.operations.script = () => ({})
    const { stdout, code } = await run('why', submit(['true']))
    assert.equal(code, 0)
    assert.match(stdout, /offer o1: 1 slot, asked attic, barn/)
    assert.match(stdout, /BID OF +SLOTS +SCORE +FIT +LOAD +ETA +CPU USED +RUNNING/)
    assert.match(stdout, /barn +1 +0\.750 +0\.500 +0\.250 +5ms/)
    assert.match(
      stdout,
      /attic declined:\n +cpu: wanted 2 cores, measured 0\.5 cores free \(may fit later\)\n +would have fitted/,
    )
    assert.match(stdout, /shed unreachable: connection refused/)
    assert.match(stdout, /cellar not asked: its label zone is cellar/)
    assert.match(stdout, /attempt 1 on barn\n.*awarded to barn\n.*contract signed\n.*started\n.*ended: exit 3/)
  })

  it('trust: list, add, remove', async () => {
    assert.equal((await run('trust', 'add', PEER_B)).stdout, `${PEER_B}\n`)
    assert.deepEqual(JSON.parse((await run('trust', 'list', '--json')).stdout), { open: false, peers: [PEER_B] })
    assert.equal((await run('trust', 'remove', PEER_B)).stdout, '')
    const again = await run('trust', 'remove', PEER_B)
    assert.deepEqual([again.code, again.stderr.includes('is not in the list')], [1, true])
    const wrong = await run('trust', 'add', 'nobody')
    assert.deepEqual(
      [wrong.code, wrong.stderr.startsWith('althing: peer nobody: expected a peer id: 12D3KooW')],
      [2, true],
    )
  })

  it('token: create, list, revoke; the text is printed once, or written where only its user reads', async () => {
    const made = await run(
      'token',
      'create',
      '--name',
      'ci',
      '--role',
      'submitter',
      '--tenant',
      'team-a',
      '--ttl',
      '24h',
    )
    assert.equal(made.code, 0, made.stderr)
    assert.match(made.stdout, /^alth_[0-9a-f]{10}_[\w-]{43}\n$/)
    assert.match(made.stderr, /^althing: token ci \([0-9a-f]{10}\) lives 1d\n$/)
    const file = join(status.dir, 'ops.token')
    const written = await run('token', 'create', '--name', 'ops', '--role', 'operator', '--out', file, '--json')
    assert.equal((JSON.parse(written.stdout) as { name: string; token?: string }).token, undefined)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const text = readFileSync(file, 'utf8').trim()
    assert.equal(status.operations.tokens.check(text).ok, true)
    const again = await run('token', 'create', '--name', 'other', '--role', 'viewer', '--out', file)
    assert.deepEqual([again.code, /it exists already/.test(again.stderr)], [2, true])
    const taken = join(status.dir, 'taken.token')
    assert.equal((await run('token', 'create', '--name', 'ops', '--role', 'viewer', '--out', taken)).code, 1)
    assert.equal(existsSync(taken), false, 'no empty file is left')
    const [header, ...rows] = (await run('token', 'list')).stdout.trimEnd().split('\n')
    assert.match(header!, /^NAME +ROLE +TENANT +STATE +MADE +USED +ID$/)
    assert.equal(rows.length, 2)
    assert.match(rows.join('\n'), /^ci +submitter +team-a +live for 23h59m +\S+ ago +- +[0-9a-f]{10}$/m)
    assert.ok(!rows.join('\n').includes(text.slice(16)))
    assert.match((await run('token', 'revoke', 'ci')).stderr, /token ci is revoked/)
    const live = JSON.parse((await run('token', 'list', '--json')).stdout) as { name: string }[]
    assert.deepEqual(
      live.map(({ name }) => name),
      ['ops'],
    )
    assert.equal((JSON.parse((await run('token', 'list', '--all', '--json')).stdout) as unknown[]).length, 2)
    const gone = await run('token', 'revoke', 'ci')
    assert.deepEqual([gone.code, /there is no live token ci\n {2}fix: /.test(gone.stderr)], [1, true])
    const wrong = await run('token', 'create', '--name', 'x', '--role', 'admin', '--tenant', 'team-a')
    assert.deepEqual([wrong.code, /a tenant has viewer or submitter/.test(wrong.stderr)], [2, true])
  })

  it('token: lives as long as the API allows', () => {
    assert.deepEqual(TTL_MS, { least: TOKEN_TTL.leastMs, most: TOKEN_TTL.mostMs })
  })

  it('apply: from files and stdin, with the place of a mistake', async () => {
    const good = join(status.dir, 'good.yaml')
    writeFileSync(good, 'kind: NodePassport\n')
    assert.equal((await run('apply', '-f', good)).stdout, 'writer\n')
    assert.equal(
      (await cli(['apply', '-f', '-'], { socketPath: status.socketPath, stdin: 'kind: x' })).stdout,
      'writer\n',
    )
    const bad = join(status.dir, 'bad.yaml')
    writeFileSync(bad, 'nothing\n')
    const refused = await run('apply', '-f', bad)
    assert.equal(refused.stderr, `althing: ${bad}:1:1: kind: expected a text, found nothing\n`)
    const missing = await run('apply', '-f', good, '-f', 'none.yaml')
    assert.deepEqual([missing.code, missing.stdout], [2, ''], 'nothing is published when not all can be')
    assert.equal(missing.stderr, 'althing: --file none.yaml: cannot be read: there is no such file or directory\n')
  })

  it('events: until the daemon ends', async () => {
    const other = await startStatus()
    const { done } = startCli(['events', '--json'], { socketPath: other.socketPath })
    await until('it listens', () => other.operations.listeners.size === 1)
    other.operations.emitEvent({ type: 'node', subject: PEER_B, what: 'offline' })
    await until('it is sent', () => other.operations.events.length === 1)
    await other.stop()
    const { stdout, code } = await done
    assert.deepEqual([code, (JSON.parse(stdout) as { what: string }).what], [0, 'offline'])
  })

  it('ends quietly when its reader goes', async () => {
    status.operations.script = undefined
    const id = submit(['yes'])
    status.operations.start(id)
    const { child, closed } = startCli(['logs', '-f', id], { socketPath: status.socketPath })
    let stderr = ''
    child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()))
    await until('it follows', () => status.operations.logReaders === 1)
    child.stdout!.destroy()
    status.operations.write(id, 'stdout', 'y\n')
    assert.deepEqual([(await closed)[0], stderr], [141, ''])
  })

  it('up: refuses a second daemon before anything is started', async () => {
    const { code, stderr } = await run('up', '--data-dir', join(status.dir, 'none'))
    assert.equal(code, 1)
    assert.match(stderr, /a daemon already runs here: attic, pid \d+[^]*fix: `althing status`/)
  })

  it('up --detach: says what the daemon said when it does not start, and where its log is', async () => {
    const dataDir = join(status.dir, 'data')
    const passport = join(status.dir, 'empty.yaml')
    writeFileSync(passport, '# nothing\n')
    const { code, stdout, stderr } = await cli(['up', '--detach', '--data-dir', dataDir, '--passport', passport])
    assert.deepEqual([code, stdout], [1, ''])
    assert.equal(
      stderr,
      `althing: the daemon did not start: ${passport}:1:1: expected a passport (kind: NodePassport), found nothing\n` +
        `  its log: ${join(dataDir, 'daemon.log')}\n`,
    )
    assert.equal(statSync(join(dataDir, 'daemon.log')).mode & 0o777, 0o600)
  })

  it('down: stops the daemon; twice is no error', async () => {
    const other = await startStatus()
    // The fake lives in this very process, which cannot end: what is watched is a child's pid.
    const { child } = startCli(['events'], { socketPath: status.socketPath })
    const fake = other.operations.status()
    other.operations.status = () => ({ ...fake, pid: child.pid!, running: 2 })
    other.operations.changes.once('shutdown', () => child.kill())
    const down = await cli(['down'], { socketPath: other.socketPath })
    assert.deepEqual([down.code, down.stdout], [0, ''])
    assert.match(down.stderr, /stopped attic\nalthing: left running: 2 tasks; /)
    assert.ok(other.operations.stopped)
    await other.stop()
    const again = await cli(['down'], { socketPath: other.socketPath })
    assert.equal(again.code, 0)
    assert.match(again.stderr, /no daemon runs here/)
  })
})

describe('cli: usage', function () {
  this.timeout(30_000)
  const none = { env: { ALTHING_SOCKET: '/nonexistent/a.sock' } }

  it('prints its version and help without a daemon', async () => {
    assert.deepEqual([(await cli(['--version'])).stdout, (await cli(['-V'])).stdout], [`${VERSION}\n`, `${VERSION}\n`])
    const help = await cli(['--help'])
    assert.deepEqual([help.code, help.stderr], [0, ''])
    for (const name of [
      'up',
      'down',
      'status',
      'nodes',
      'node',
      'topology',
      'find',
      'run',
      'ps',
      'logs',
      'cancel',
      'why',
      'trust',
      'token',
      'policy',
      'config',
      'apply',
      'events',
      'audit',
    ]) {
      assert.match(help.stdout, new RegExp(`^  ${name}\\b`, 'm'))
    }
  })

  it('shows an example in the help of every command', async () => {
    for (const name of ['up', 'run', 'why', 'trust', 'token', 'policy', 'config', 'logs', 'topology', 'audit']) {
      const { stdout, code } = await cli([name, '--help'])
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`Examples?:\\n  althing ${name}`), name)
    }
  })

  const wrong: [string[], RegExp][] = [
    [['nodess'], /Did you mean nodes\?/],
    [['nodes', '--al'], /unknown option '--al'[^]*Did you mean --all\?[^]*althing nodes --help/],
    [['node'], /missing required argument/],
    [['nodes', 'extra'], /too many arguments/],
    [['up', '--port', '99999'], /expected a whole number from 0 to 65535, such as 4100/],
    [['up', '--label', 'zone'], /expected KEY=VALUE/],
    [['run', '--cpu', 'two', '--', 'true'], /--cpu.*two/],
    [['run', '--memory', '1Zi', '--', 'true'], /unknown suffix Zi/],
    [['run', '--timeout', '90', '--', 'true'], /--timeout 90: give a unit, such as 90s or 90m/],
    [['run', '--count', '0', '--', 'true'], /from 1 to 10000/],
    [['run'], /missing required argument/],
    [['logs', '--stream', 'both-of-them', 'x'], /--stream both-of-them: expected stdout, stderr or both/],
    [['trust', 'add'], /missing required argument 'peer'/],
    [['apply'], /required option '-f, --file/],
    [['config', 'set', 'bids.ask=0'], /bids\.ask=0: expected a whole number from 1 to 16, such as 3/],
    [['config', 'get', 'no.such'], /no\.such: expected one of heartbeat\.every, /],
    [['up', '--set', 'bids.ask=0'], /--set bids\.ask=0: expected a whole number from 1 to 16/],
  ]
  for (const [args, message] of wrong) {
    it(`althing ${args.join(' ')}: exit 2`, async () => {
      const { code, stdout, stderr } = await cli(args, none)
      assert.deepEqual([code, stdout], [2, ''])
      assert.match(stderr, message)
    })
  }

  it('says how to start a daemon, and where it looked', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'althing-cli-'))
    const { code, stderr } = await cli(['nodes', '--data-dir', dir])
    rmSync(dir, { recursive: true })
    assert.equal(code, 1)
    assert.equal(
      stderr,
      `althing: no daemon runs here (tried ${dir}/althing.sock)\n` +
        '  fix: start one with `althing up`, or name another by --data-dir or --socket\n',
    )
    assert.match((await cli(['--socket', '/nonexistent/b.sock', 'ps'])).stderr, /tried \/nonexistent\/b\.sock/)
    assert.match((await cli(['ps', '--socket', '/nonexistent/c.sock'])).stderr, /tried \/nonexistent\/c\.sock/)
  })

  it('is not confused by something else at the socket', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'althing-cli-'))
    const socketPath = join(dir, 'a.sock')
    const other = createServer((_request, response) => response.writeHead(418).end('<html>')).listen(socketPath)
    await once(other, 'listening')
    const { code, stderr } = await cli(['nodes'], { socketPath })
    other.close()
    assert.deepEqual([code, stderr], [1, 'althing: the daemon answered 418\n'])
    for (const answer of ['HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>', 'SSH-2.0-OpenSSH_9.6\r\n']) {
      const junk = createJunk((socket) => socket.end(answer)).listen(socketPath)
      await once(junk, 'listening')
      const run = await cli(['nodes'], { socketPath })
      junk.close()
      assert.equal(run.code, 1)
      assert.match(run.stderr, /^althing: what answers at .*a\.sock is no Althing daemon\n {2}fix: .*--socket\n$/)
    }
    rmSync(dir, { recursive: true })
  })
})
