/** Others who use a daemon's API: tokens over TLS from the CLI, tenants, JWTs, as real processes. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { StatusView, TaskView } from '../../src/model/api.ts'
import type { TokenView } from '../../src/model/access-view.ts'
import { makeCertificate, writeCertificate } from '../support/certificate.ts'
import { eventually, freshDataDir, runCli, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { makeJwt, makeKey } from '../support/jwt.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../bin/althing')
const certificate = makeCertificate(['localhost', '127.0.0.1'])

/** A daemon that listens for others, and somebody's way to it. */
class Shared {
  daemon!: TestDaemon
  readonly dataDir = freshDataDir()
  readonly dir = freshDataDir()
  readonly children = new Set<ChildProcess>()

  /** A token of this daemon, in a file. */
  async token(name: string, ...more: string[]): Promise<string> {
    const file = join(this.dir, `${name}.token`)
    const made = await this.daemon.cli('token', 'create', '--name', name, '--out', file, ...more)
    assert.equal(made.code, 0, made.stderr)
    return file
  }

  /** Starts it: the first time alone, so that there is a token before others come. */
  async start(...more: string[]): Promise<void> {
    const { certFile, keyFile } = writeCertificate(this.dir, certificate)
    const tls = ['--api-listen', '127.0.0.1:0', '--tls-cert', certFile, '--tls-key', keyFile]
    this.daemon = await startDaemon({ name: 'shared', dataDir: this.dataDir, args: [...tls, ...more] })
  }

  words(tokenFile: string): string[] {
    const { apiUrl } = this.daemon.status
    assert.ok(apiUrl !== undefined)
    return ['--api', apiUrl, '--token-file', tokenFile, '--ca', join(this.dir, 'cert.pem')]
  }

  as(tokenFile: string, command: string, ...more: string[]) {
    return runCli([command, ...this.words(tokenFile), ...more])
  }

  /** A command that goes on. */
  follow(tokenFile: string, command: string, ...more: string[]) {
    const child = spawn(LAUNCHER, [command, ...this.words(tokenFile), ...more], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.children.add(child)
    const seen = { out: '', err: '' }
    child.stdout.on('data', (data: Buffer) => (seen.out += data.toString()))
    child.stderr.on('data', (data: Buffer) => (seen.err += data.toString()))
    const ended = new Promise<number>((done) => child.once('close', (code) => done(code ?? -1)))
    return { seen, ended }
  }

  /** Follows the events; resolves when it hears them, of work that it may see. */
  async hear(tokenFile: string, worker: string) {
    const events = this.follow(tokenFile, 'events')
    await eventually('events are heard', async () => {
      await this.as(worker, 'run', '--', 'true')
      return events.seen.out !== ''
    })
    return events
  }

  stop(): void {
    for (const child of this.children) child.kill('SIGKILL')
  }
}

describe('others use the API', function () {
  this.timeout(90_000)
  let shared: Shared
  beforeEach(async () => {
    shared = new Shared()
    shared.daemon = await startDaemon({ name: 'shared', dataDir: shared.dataDir })
  })
  afterEach(async () => {
    shared.stop()
    await stopAll()
  })

  it('a token: made, used over TLS to run work, revoked: its streams are cut, it is refused, for good', async () => {
    const ci = await shared.token('ci', '--role', 'submitter', '--ttl', '1h')
    assert.equal(statSync(ci).mode & 0o777, 0o600)
    await shared.daemon.stop()
    await shared.start()
    const input = join(shared.dir, 'data.txt')
    writeFileSync(input, 'three small words')
    const ran = await runCli(
      ['run', ...shared.words(ci), '--input', 'data.txt', '--', 'sh', '-c', 'wc -w < data.txt; exit 3'],
      {},
      { cwd: shared.dir },
    )
    assert.deepEqual([ran.code, ran.stdout.trim()], [3, '3'], ran.stderr)
    const forbidden = await shared.as(ci, 'token', 'list')
    assert.equal(forbidden.code, 1)
    assert.match(forbidden.stderr, /this needs the right administer; ci has role submitter/)

    const events = await shared.hear(ci, ci)
    const log = shared.follow(ci, 'run', '--', 'sh', '-c', 'echo begun; sleep 60')
    await eventually('the task runs', () => log.seen.out.includes('begun'))
    const [listed] = JSON.parse((await shared.daemon.cli('token', 'list', '--json')).stdout) as TokenView[]
    assert.deepEqual([listed!.name, listed!.state, typeof listed!.usedAtMs], ['ci', 'live', 'number'])
    assert.equal((await shared.daemon.cli('token', 'revoke', 'ci')).code, 0)
    const [ofEvents, ofLog] = await Promise.all([events.ended, log.ended])
    assert.notEqual(ofEvents, 0)
    assert.match(events.seen.err, /^althing: .*\n/)
    assert.ok(!/\n\s+at /.test(events.seen.err + log.seen.err), events.seen.err + log.seen.err)
    assert.notEqual(ofLog, 0)
    const after = await shared.as(ci, 'ps')
    assert.equal(after.code, 1)
    assert.match(after.stderr, /that token was revoked/)
    // It listens again with another token alone, and the revoked one stays so.
    const other = await shared.token('other', '--role', 'viewer')
    await shared.daemon.kill()
    await shared.start()
    assert.match((await shared.as(ci, 'ps')).stderr, /that token was revoked/)
    assert.equal((await shared.as(other, 'ps')).code, 0)
  })

  it('tenants: each sees its own work alone, in every command', async () => {
    const a = await shared.token('a', '--role', 'submitter', '--tenant', 'team-a')
    const b = await shared.token('b', '--role', 'submitter', '--tenant', 'team-b')
    const all = await shared.token('all', '--role', 'viewer')
    await shared.daemon.stop()
    await shared.start()
    const events = await shared.hear(b, b)
    const out = join(shared.dir, 'out')
    const script = 'echo secret of a; echo result > $ALTHING_OUTPUT/r'
    const ran = await shared.as(a, 'run', '--output', out, '--', 'sh', '-c', script)
    assert.equal(ran.code, 0, ran.stderr)
    assert.equal(readFileSync(join(out, 'r'), 'utf8'), 'result\n')
    assert.equal((await shared.as(b, 'run', '--', 'true')).code, 0)
    assert.equal((await shared.daemon.cli('run', '--', 'true')).code, 0)
    const tasks = async (token: string): Promise<TaskView[]> =>
      JSON.parse((await shared.as(token, 'ps', '--all', '--json')).stdout) as TaskView[]
    const tenants = async (token: string) =>
      [...new Set((await tasks(token)).map(({ tenant }) => tenant ?? 'host'))].toSorted()
    assert.deepEqual(await tenants(a), ['team-a'])
    assert.deepEqual(await tenants(b), ['team-b'])
    assert.deepEqual(await tenants(all), ['host', 'team-a', 'team-b'])
    const [ofA] = await tasks(a)
    const [ofB] = await tasks(b)
    const id = ofA!.taskId
    for (const command of ['why', 'logs', 'wait', 'cancel'])
      assert.match((await shared.as(b, command, id)).stderr, new RegExp(`no task ${id} is known`), command)
    assert.match((await shared.as(b, 'output', id, join(shared.dir, 'stolen'))).stderr, /no task/)
    // The beginning of an id that all tasks have is not ambiguous for who has one.
    for (const command of ['why', 'logs']) assert.equal((await shared.as(a, command, id.slice(0, 4))).code, 0, command)
    assert.equal((await shared.as(a, 'logs', id)).stdout, 'secret of a\n')
    // Whose a task is, is known after a restart too.
    await eventually('the events of its own task', () => events.seen.out.includes(ofB!.taskId))
    assert.ok(!events.seen.out.includes(id), events.seen.out)
    const audited = await shared.as(b, 'audit', 'list', '--json')
    assert.ok(audited.stdout.includes(ofB!.taskId), audited.stdout + audited.stderr)
    assert.ok(!audited.stdout.includes(id), audited.stdout)
    assert.notEqual((await shared.as(b, 'audit', 'list', '--task', id)).code, 0)
    assert.equal((await shared.as(a, 'audit', 'list', '--task', id)).code, 0)
    for (const words of [
      ['trust', 'list'],
      ['policy', 'get'],
      ['audit', 'export', join(shared.dir, 'x')],
      ['token', 'list'],
    ]) {
      const refused = await shared.as(a, words[0]!, ...words.slice(1))
      assert.equal(refused.code, 1, words.join(' '))
      assert.match(refused.stderr, /this needs the right/, words.join(' '))
    }
    await shared.daemon.kill()
    await shared.start()
    assert.deepEqual(await tenants(b), ['team-b'])
    assert.match((await shared.as(b, 'why', id)).stderr, /no task/)
  })

  it('JWTs of the configured issuer, with roles by group and a tenant; other issuers are nobody', async () => {
    const key = makeKey('ES256', 'k1')
    const jwks = join(shared.dir, 'jwks.json')
    writeFileSync(jwks, JSON.stringify({ keys: [key.jwk] }))
    await shared.daemon.stop()
    await shared.start(
      ...['--jwt-issuer', 'https://id.example', '--jwt-audience', 'althing', '--jwks', jwks],
      ...['--jwt-role-claim', 'realm.groups', '--jwt-role', 'devs=submitter', '--jwt-tenant-claim', 'team'],
    )
    const file = (name: string, claims: object, by = key): string => {
      const path = join(shared.dir, name)
      const exp = Math.floor(Date.now() / 1000) + 600
      const usual = { iss: 'https://id.example', aud: ['althing'], sub: 'ann', exp, realm: { groups: ['devs'] } }
      writeFileSync(path, makeJwt(by, { ...usual, team: 'team-a', ...claims }), { mode: 0o600 })
      return path
    }
    const ran = await shared.as(file('good', {}), 'run', '--', 'echo', 'by jwt')
    assert.deepEqual([ran.code, ran.stdout], [0, 'by jwt\n'], ran.stderr)
    const [task] = JSON.parse((await shared.daemon.cli('ps', '--all', '--json')).stdout) as TaskView[]
    assert.equal(task!.tenant, 'team-a')
    for (const [claims, why, by] of [
      [{ exp: 1 }, /it has expired/],
      [{ aud: 'other' }, /for another audience/],
      [{ iss: 'https://evil.example' }, /of another issuer/],
      [{ team: undefined }, /its claim team is missing/],
      [{ realm: {} }, /leads to no role/],
      [{}, /its signature is wrong/, makeKey('ES256', 'k1')],
    ] as const) {
      const refused = await shared.as(file(`bad-${why.source.length}`, claims, by), 'ps')
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, why)
    }
  })

  it('does not listen for others before there is somebody to let in, and says so', async () => {
    await shared.daemon.stop()
    await shared.start()
    const shown = async () => (await shared.daemon.cli('status')).stdout
    assert.match(await shown(), /^api +NOT OPEN: .* no live token to ask with \(make one by `althing token create/m)
    const viewer = await shared.token('v', '--role', 'viewer')
    await eventually('it opens', async () => /^api +https:/m.test(await shown()))
    const { stdout } = await shared.daemon.cli('status', '--json')
    const { apiUrl } = JSON.parse(stdout) as StatusView
    const asked = await runCli(['ps', '--api', apiUrl!, '--token-file', viewer, '--ca', join(shared.dir, 'cert.pem')])
    assert.equal(asked.code, 0, asked.stderr)
  })

  it('does not listen for others without TLS, or with half of an issuer', async () => {
    await shared.daemon.stop()
    const { certFile } = writeCertificate(shared.dir, certificate)
    const up = (...words: string[]) =>
      runCli(['up', '--data-dir', shared.dataDir, '--port', '0', '--no-page', '--no-mdns', ...words])
    for (const [words, code, message] of [
      [['--api-listen', '0.0.0.0:0'], 2, /--api-listen 0\.0\.0\.0:0 needs TLS.*\n {2}fix: .*--tls-cert FILE/],
      [['--api-listen', '0.0.0.0:0', '--tls-cert', certFile], 2, /needs TLS/],
      [['--jwt-issuer', 'https://id.example'], 2, /JWTs need --jwt-issuer, --jwt-audience and --jwks/],
    ] as const) {
      const { code: got, stderr } = await up(...words)
      assert.equal(got, code, `${words.join(' ')}: ${stderr}`)
      assert.match(stderr, message)
      assert.ok(!/\n\s+at /.test(stderr), stderr)
    }
    assert.ok(!existsSync(join(shared.dataDir, 'althing.sock')))
  })

  it('the CLI sends a token only where it is safe, and says what is wrong with the other end', async () => {
    const viewer = await shared.token('v', '--role', 'viewer')
    await shared.daemon.stop()
    await shared.start()
    const { apiUrl = '' } = shared.daemon.status
    const ca = join(shared.dir, 'cert.pem')
    const other = join(shared.dir, 'other.pem')
    writeFileSync(other, makeCertificate(['localhost']).cert)
    const open = join(shared.dir, 'open.token')
    writeFileSync(open, readFileSync(viewer), { mode: 0o644 })
    for (const [words, code, message] of [
      [['--api', 'http://attic.example', '--token-file', viewer], 2, /without TLS the token could be read/],
      [['--api', `${apiUrl}?token=x`, '--token-file', viewer], 2, /never in an address/],
      [['--api', apiUrl.replace('//', '//u:p@'), '--token-file', viewer], 2, /never in an address/],
      [['--api', apiUrl], 2, /--api needs a token/],
      [['--api', apiUrl, '--token-file', open], 2, /it is open to other users\n {2}fix: chmod 600/],
      [['--token-file', viewer], 2, /name it by --api/],
      [['--api', apiUrl, '--socket', '/x'], 2, /name two daemons/],
      [['--api', apiUrl, '--token-file', viewer], 1, /nobody this machine knows has issued.*\n {2}fix: .*--ca FILE/],
      [['--api', apiUrl, '--token-file', viewer, '--ca', other], 1, /nobody this machine knows has issued/],
      [
        ['--api', 'https://127.0.0.1:1', '--token-file', viewer, '--ca', ca],
        1,
        /cannot reach https:\/\/127\.0\.0\.1:1/,
      ],
    ] as const) {
      const { code: got, stderr } = await runCli(['ps', ...words])
      assert.equal(got, code, `${words.join(' ')}: ${stderr}`)
      assert.match(stderr, message)
      assert.ok(!/\n\s+at /.test(stderr), stderr)
    }
    const byEnv = { ALTHING_API: apiUrl, ALTHING_TOKEN: readFileSync(viewer, 'utf8').trim(), ALTHING_CA: ca }
    const status = await runCli(['status'], byEnv)
    assert.equal(status.code, 0, status.stderr)
    assert.ok(!status.stdout.includes('#token='), 'not the token of the page of a daemon elsewhere')
    // What is said on the line counts more.
    const local = await runCli(['ps', '--data-dir', join(shared.dir, 'none')], byEnv)
    assert.match(local.stderr, /no daemon runs here/)
  })
})
