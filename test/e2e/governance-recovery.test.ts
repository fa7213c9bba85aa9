/** Admins that divide, lie, refuse and are replaced: by real daemons and keys in directories of their own. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AdminKey, RECOVERY_KEY } from '../../src/cli/gov/admin.ts'
import type { StatusView } from '../../src/model/api.ts'
import type { AuditEntry } from '../../src/model/audit-view.ts'
import { readHistory } from '../../src/cli/gov/history.ts'
import { textOf } from '../../src/cli/gov/proposal.ts'
import type { HistoryView, MemberView } from '../../src/model/cluster.ts'
import { makeStatement } from '../../src/wire/statement.ts'
import { clusterOf, done, handIn, idOf, invite, linksOf, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, runCli, stopAll, type CliResult, type TestDaemon } from '../support/daemon.ts'

/** A cluster of three daemons; two of three admins decide. The first holds one key, the others lie in directories. */
async function threeAdmins() {
  const daemons = (await Promise.all(['founder', 'second', 'third'].map((name) => startClosed(name)))) as [
    TestDaemon,
    TestDaemon,
    TestDaemon,
  ]
  const [founder, second, third] = daemons
  const dirs = [founder.dataDir, freshDataDir(), freshDataDir()] as [string, string, string]
  const by = (dir: string, ...words: string[]): Promise<CliResult> => founder.cli('--data-dir', dir, 'gov', ...words)
  const keys = await Promise.all(dirs.map(async (dir) => (await done(by(dir, 'key'))).trim()))
  await done(founder.cli('init', 'home', '--owner', 'ann', '--admins', keys.join(','), '--threshold', '2'))
  for (const other of [second, third]) await done(other.cli('join', (await invite(founder)).ticket))
  for (const other of [second, third]) await sees(founder, await idOf(other))
  return { daemons, founder, second, third, dirs, keys: keys as [string, string, string], by }
}

const inAll = (what: string, daemons: readonly TestDaemon[], is: (daemon: TestDaemon) => Promise<boolean>) =>
  eventually(what, async () => (await Promise.all(daemons.map(is))).every(Boolean))

describe('admins that lie, refuse and are replaced', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('an admin signs two decisions for one place: all freeze, name it, go on working, and are recovered', async () => {
    const { daemons, founder, second, third, dirs, keys, by } = await threeAdmins()
    // The key was copied; the copy knows nothing of what the other has promised.
    const copied = freshDataDir()
    copyFileSync(join(dirs[0], 'admin.key'), join(copied, 'admin.key'))
    const [one, two] = [join(freshDataDir(), 'one.json'), join(freshDataDir(), 'two.json')]
    const expelled = await idOf(third)
    await done(by(dirs[0], 'propose', '--enroll', await idOf(second), '--out', one))
    await done(by(copied, 'propose', '--revoke', expelled, '--out', two))
    await done(by(dirs[1], 'sign', one))
    await inAll('the first to be applied', daemons, async (daemon) => (await clusterOf(daemon)).height === 1)
    const warned = await by(dirs[2], 'sign', two)
    assert.match(
      warned.stderr,
      /entry 1 of the log is decided already; nothing was signed\n  fix: see `althing gov log`/,
    )
    // Where no daemon knows better it is signed, and the liar brings it in.
    const away = { ALTHING_SOCKET: join(freshDataDir(), 'nobody') }
    await done(runCli(['--data-dir', dirs[2], 'gov', 'sign', two], away))
    const { entry } = JSON.parse(readFileSync(two, 'utf8')) as { entry: string }
    const { outcomes } = await handIn(founder, [entry])
    assert.deepEqual(outcomes, ['beside'])

    const staying = [founder, second]
    await inAll('the freeze', staying, async (daemon) => (await clusterOf(daemon)).fork !== undefined)
    for (const daemon of staying) {
      const { fork, height } = await clusterOf(daemon)
      assert.deepEqual([fork?.doubleSigners, fork?.entries.length, height], [[keys[0]], 2, 0])
      assert.match(await done(daemon.cli('gov', 'log')), new RegExp(`FORKED.*${keys[0]} signed twice`))
      assert.match(await done(daemon.cli('status')), /FORKED/)
    }
    // Revoked in either branch is out; nobody is let in; work goes on.
    await eventually('the expelled to be cut off', async () => !(await linksOf(founder)).includes(expelled))
    const refused = await founder.cli('invite')
    assert.match(refused.stderr, /the log is forked: nobody is admitted until it is resolved/)
    assert.equal(await done(second.cli('run', '-l', 'seat=founder', '--', 'echo', 'on')), 'on\n')
    const late = await by(dirs[1], 'propose', '--checkpoint', '--out', join(freshDataDir(), 'late.json'))
    assert.notEqual(late.code, 0, 'this key has signed for that place')

    // Admins cannot end it; recovery keys can, and the liar is no admin any more.
    const names = ['--admins', keys.slice(1).join(','), '--threshold', '2']
    const without = await by(dirs[1], 'recover', ...names, '--out', join(freshDataDir(), 'none.json'))
    assert.match(without.stderr, /no recovery.key is on this machine/)
    await done(by(dirs[0], 'recover', ...names, '--out', join(freshDataDir(), 'recovery.json')))
    await inAll('the recovery', staying, async (daemon) => (await clusterOf(daemon)).fork === undefined)
    for (const daemon of staying)
      assert.deepEqual((await clusterOf(daemon)).admins, { keys: keys.slice(1), threshold: 2 })
    const file = join(freshDataDir(), 'after.json')
    await done(by(dirs[1], 'propose', '--enroll', await idOf(second), '--out', file))
    await done(by(dirs[2], 'sign', file))
    await inAll('a decision', staying, async (daemon) => (await clusterOf(daemon)).height === 2)
    const guest = await startClosed('guest')
    await done(guest.cli('join', (await invite(second)).ticket))
    await sees(guest, await idOf(founder))
    const events = JSON.parse(await done(second.cli('audit', 'list', '--json', '--type', 'gov'))) as AuditEntry[]
    const frozen = events.find(({ event }) => event.type === 'gov.frozen')
    assert.deepEqual(frozen?.event.type === 'gov.frozen' && frozen.event.peers, [keys[0]])
    assert.ok(events.some(({ event }) => event.type === 'gov.applied' && event.change === 'recover'))
    // A branch that was dropped takes nobody with it: those who signed it are the ones who lied.
    const members = await founder.get<MemberView[]>('/v1/members')
    assert.equal(members.find(({ peerId }) => peerId === expelled)?.state, 'member')
  })

  it('an admin is free to sign another proposal once so many have refused the first that it is dead', async () => {
    const { daemons, founder, second, dirs, by } = await threeAdmins()
    const [first, other] = [join(freshDataDir(), 'first.json'), join(freshDataDir(), 'other.json')]
    const peer = await idOf(second)
    await done(by(dirs[0], 'propose', '--enroll', peer, '--out', first))
    await done(by(dirs[1], 'propose', '--checkpoint', '--out', other))
    const bound = await by(dirs[0], 'sign', other)
    assert.match(bound.stderr, /has signed another proposal for the same place/)
    await done(by(dirs[1], 'refuse', first))
    assert.match((await by(dirs[0], 'sign', other, '--instead-of', first)).stderr, /2 refusals end it/)
    await done(by(dirs[2], 'refuse', first))
    assert.match((await by(dirs[2], 'sign', first)).stderr, /this key has refused this proposal/)
    // The daemon has heard of the refusals: nobody has to name what is dead.
    await done(by(dirs[0], 'sign', other))
    await inAll('the other to be applied', daemons, async (daemon) => (await clusterOf(daemon)).height === 1)
    assert.equal((await clusterOf(founder)).fork, undefined)
  })

  it('a proposal that cannot be written binds no key', async () => {
    const founder = await startClosed('founder')
    await done(founder.cli('init', 'home', '--owner', 'ann'))
    const lost = await founder.cli('gov', 'propose', '--checkpoint', '--out', '/nosuch/p.json')
    assert.match(lost.stderr, /\/nosuch\/p\.json/)
    await done(founder.cli('gov', 'propose', '--checkpoint', '--out', join(freshDataDir(), 'p.json')))
    assert.equal((await clusterOf(founder)).height, 1)
  })

  it('a recovery is refused by those who hold the recovery keys, and by nobody else', async () => {
    const founder = await startClosed('founder')
    const dirs = [freshDataDir(), freshDataDir(), freshDataDir()]
    const by = (dir: string, ...words: string[]) => founder.cli('--data-dir', dir, 'gov', ...words)
    const keys = dirs.map((dir) => AdminKey.in(dir, RECOVERY_KEY).id)
    const admin = (await done(founder.cli('gov', 'key'))).trim()
    const recovery = ['--recovery', keys.join(','), '--recovery-threshold', '2']
    await done(founder.cli('init', 'home', '--owner', 'ann', ...recovery))
    const [first, other] = [join(freshDataDir(), 'first.json'), join(freshDataDir(), 'other.json')]
    await done(by(dirs[0]!, 'recover', '--admins', admin, '--out', first))
    await done(by(dirs[1]!, 'recover', '--admins', admin, '--out', other))
    const nobody = freshDataDir()
    assert.match(
      (await by(nobody, 'refuse', first)).stderr,
      /there is no key at .*recovery\.key\n  fix: give one with --key/,
    )
    assert.equal(existsSync(join(nobody, 'admin.key')), false)
    // The one admin is no recovery key: its word ends nothing.
    await done(by(founder.dataDir, 'refuse', first, '--key', join(founder.dataDir, 'admin.key')))
    assert.match((await by(dirs[0]!, 'sign', other, '--instead-of', first)).stderr, /2 refusals end it/)
    for (const dir of dirs.slice(1)) await done(by(dir, 'refuse', first))
    await done(by(dirs[0]!, 'sign', other, '--instead-of', first))
    await eventually('the other to be applied', async () => (await clusterOf(founder)).height === 1)
  })

  it('all but one admin are lost: the recovery keys name others, offline ones among them', async () => {
    const { daemons, dirs, keys, by } = await threeAdmins()
    const anew = freshDataDir()
    const key = (await done(by(anew, 'key'))).trim()
    const file = join(freshDataDir(), 'recovery.json')
    await done(by(dirs[0], 'recover', '--admins', `${keys[0]},${key}`, '--threshold', '2', '--out', file))
    const isDone = async (daemon: TestDaemon) => (await clusterOf(daemon)).admins.keys.includes(key)
    await inAll('the new admins', daemons, isDone)
    const { state } = await daemons[2].get<StatusView>('/v1/status')
    assert.equal(state, 'ready')
  })

  it('a recovery upon an earlier entry undoes what came after it, and ends a fork of recoveries', async () => {
    const founder = await startClosed('founder')
    await done(founder.cli('init', 'home', '--owner', 'ann'))
    const gov = (...words: string[]) => founder.cli('gov', ...words)
    const admin = (await done(gov('key'))).trim()
    const [robbed, stays] = [AdminKey.in(freshDataDir()).id, AdminKey.in(freshDataDir()).id]
    await done(gov('propose', '--enroll', stays))
    await done(gov('propose', '--admins', `${admin},${robbed}`, '--threshold', '2'))
    assert.match((await gov('recover', '--admins', admin, '--after', '3')).stderr, /--after 3: the log has 2 entries/)
    const undone = await gov('recover', '--admins', admin, '--after', '1')
    assert.match(undone.stderr, /undoes what was decided after entry 1, 1 entry:\nalthing: {3}2: 2 of these decide/)
    assert.equal(undone.code, 0, undone.stderr)
    const view = await clusterOf(founder)
    assert.deepEqual([view.height, view.admins.keys, view.enrollers.includes(stays)], [2, [admin], true])

    // Who has a copy of the recovery key decides otherwise, on the same place.
    const thief = freshDataDir()
    copyFileSync(join(founder.dataDir, 'recovery.key'), join(thief, 'recovery.key'))
    const { log } = readHistory(await founder.get<HistoryView>('/v1/governance'), Date.now()).state
    const first = log.chain[1]!
    const change = { kind: 'recover', admins: { keys: [robbed], threshold: 1 } }
    const body = { cluster: view.id, height: 2, parent: first, atMs: Date.now(), change }
    const rival = AdminKey.in(thief, RECOVERY_KEY).sign(makeStatement('entry', body, []), first, () => false)
    await handIn(founder, [textOf(rival)])
    assert.notEqual((await clusterOf(founder)).fork, undefined)
    const again = await gov('recover', '--admins', admin)
    assert.match(
      again.stderr,
      /recovery keys have decided on entry 2 already\n {2}fix: go back further, with --after 0/,
    )
    await done(gov('recover', '--admins', admin, '--after', '0'))
    const ended = await clusterOf(founder)
    assert.deepEqual([ended.fork, ended.height, ended.admins.keys], [undefined, 1, [admin]])
    // A place is recovered once; upon the newest entry anything can be.
    assert.match((await gov('recover', '--admins', admin, '--after', '0')).stderr, /leave --after away/)
    await done(gov('recover', '--admins', admin))
  })

  it('nobody signs a recovery unawares that undoes what was decided since', async () => {
    const founder = await startClosed('founder')
    const dirs = [freshDataDir(), freshDataDir()] as const
    const by = (dir: string, ...words: string[]) => founder.cli('--data-dir', dir, 'gov', ...words)
    const keys = dirs.map((dir) => AdminKey.in(dir, RECOVERY_KEY).id)
    await done(founder.cli('init', 'home', '--owner', 'ann', '--recovery', keys.join(','), '--recovery-threshold', '2'))
    const admin = (await done(founder.cli('gov', 'key'))).trim()
    const file = join(freshDataDir(), 'recovery.json')
    await done(by(dirs[0], 'recover', '--admins', admin, '--out', file))
    // Meanwhile the admins decide something.
    const stolen = AdminKey.in(freshDataDir()).id
    await done(founder.cli('gov', 'propose', '--revoke', stolen))
    const refused = await by(dirs[1], 'sign', file)
    assert.equal(refused.code, 1)
    assert.ok(refused.stderr.includes(`1: expelled for ever: ${stolen}\n`), refused.stderr)
    assert.match(refused.stderr, /nothing was signed\n {2}fix: if all of that is meant, sign it with --after 0/)
    assert.equal((await clusterOf(founder)).height, 1)
    const signed = await by(dirs[1], 'sign', file, '--after', '0', '--json')
    assert.equal(signed.code, 0, signed.stderr)
    const told = JSON.parse(signed.stdout) as Record<string, unknown>
    assert.deepEqual([told['inLog'], told['height'], told['file']], [true, 1, file])
    const { log } = readHistory(await founder.get<HistoryView>('/v1/governance'), Date.now()).state
    assert.deepEqual([log.chain.length, log.authority.revoked.has(stolen)], [2, false])
  })
})
