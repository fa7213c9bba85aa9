/** Audit logs of real daemons: a task's story across nodes, files that verify elsewhere, and histories rewritten. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Frontier } from '../../src/audit/frontier.ts'
import { hashLeaf } from '../../src/audit/hashing.ts'
import type { NodeView, StatusView } from '../../src/model/api.ts'
import type { AuditEntry, AuditStory, AuditVerdict } from '../../src/model/audit-view.ts'
import { openStore } from '../../src/store/sqlite.ts'
import { SILENT } from '../../src/util/logger.ts'
import { decodeEvent, encodeEvent } from '../../src/wire/audit-event.ts'
import { eventually, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'

const STRANGER = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'

/** Two that know each other; the submitter runs nothing itself. */
async function pair(): Promise<{ submitter: TestDaemon; executor: TestDaemon }> {
  const submitter = await startDaemon({ name: 'submitter', args: ['--cpu', '0'] })
  const executor = await startDaemon({ name: 'executor', join: [submitter.address] })
  await eventually('both known', async () => {
    const nodes = await submitter.get<NodeView[]>('/v1/nodes')
    return nodes.some(({ name, state }) => name === 'executor' && state === 'ready')
  })
  return { submitter, executor }
}

async function json<T>(daemon: TestDaemon, ...args: string[]): Promise<T> {
  const { stdout, stderr } = await daemon.cli(...args, '--json')
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout) as T
}

/** Waits until what was written so far is signed. */
async function untilSigned(daemon: TestDaemon, type: string, from = 0): Promise<AuditEntry> {
  return eventually(`a signed ${type}`, async () => {
    const [entry] = await json<AuditEntry[]>(daemon, 'audit', 'list', '--type', type, '--limit', '1')
    return (
      entry && entry.position >= from && (await daemon.cli('audit', 'show', String(entry.position))).code === 0 && entry
    )
  })
}

/** A file of a stopped daemon, to change behind its back. */
const openDatabase = (daemon: TestDaemon): DatabaseSync => new DatabaseSync(join(daemon.dataDir, 'althing.db'))

/** Another exit code for the last run, as if it had been written so. */
function forgedBody(database: DatabaseSync, position: number): Uint8Array {
  const row = database.prepare('SELECT body FROM audit_event WHERE position = ?').get(position)
  const event = decodeEvent(row!['body'] as Uint8Array)
  assert.equal(event.type, 'run.ended')
  return encodeEvent({ ...event, exitCode: 0 })
}

/** Rewrites history as its owner could: the event, and every hash that follows from it. */
function rewrite(daemon: TestDaemon, position: number): void {
  const database = openDatabase(daemon)
  database.prepare('UPDATE audit_event SET body = ? WHERE position = ?').run(forgedBody(database, position), position)
  const frontier = new Frontier()
  for (const row of database.prepare('SELECT body FROM audit_event ORDER BY position').all())
    frontier.append(hashLeaf(row['body'] as Uint8Array))
  database.close()
  const store = openStore(join(daemon.dataDir, 'althing.db'), SILENT)
  store.write([
    { collection: 'audit', key: 'tree', doc: { size: frontier.size, peaks: frontier.peaks.map((peak) => peak) } },
  ])
  store.close()
}

describe('audit', function () {
  this.timeout(120_000)
  afterEach(stopAll)

  it('tells the story of a task from both ends, each event proven by the head its node signed', async () => {
    const { submitter, executor } = await pair()
    const { stdout } = await submitter.cli('run', '--detach', '--', 'sh', '-c', 'exit 7')
    const taskId = stdout.trim()
    await submitter.cli('wait', taskId)
    await untilSigned(submitter, 'settlement.sent')
    await untilSigned(executor, 'settlement.received')
    const { parts } = await json<AuditStory>(submitter, 'audit', 'list', '--task', taskId.slice(0, 6))
    assert.deepEqual(
      parts.map(({ name, outcome }) => [name, outcome]),
      [
        ['submitter', 'proven'],
        ['executor', 'proven'],
      ],
    )
    const [own, theirs] = parts.map(({ entries }) => entries.map(({ event }) => event.type))
    for (const type of ['job.submitted', 'offer.sent', 'bid.received', 'award.sent', 'contract.received', 'task.ended'])
      assert.ok(own!.includes(type as never), type)
    assert.deepEqual(theirs, [
      'offer.received',
      'bid.sent',
      'contract.sent',
      'run.started',
      'run.ended',
      'settlement.received',
    ])
    const ended = parts[1]!.entries.find(({ event }) => event.type === 'run.ended')!
    assert.equal(ended.event.type === 'run.ended' && ended.event.exitCode, 7)
    const text = (await submitter.cli('audit', 'list', '--task', taskId)).stdout
    assert.match(text, /executor +\d+ .* run\.ended +taskId=\S+ attempt=1 .*exitCode=7/)
    assert.match((await submitter.cli('audit', 'list', '--task', 'nosuch')).stderr, /has nothing of a task nosuch/)
  })

  it('has the part of whoever declined in the story, by its own log and as the submitter heard it', async () => {
    const { submitter } = await pair()
    const decliner = await startDaemon({ name: 'decliner', join: [submitter.address] })
    const policy = join(decliner.dataDir, 'policy.yaml')
    writeFileSync(
      policy,
      'apiVersion: althing.dev/v1\nkind: Policy\nmetadata: { name: closed }\nspec:\n  rules:\n' +
        "    - { name: not-today, deny: 'true' }\n",
    )
    assert.equal((await decliner.cli('policy', 'apply', policy)).code, 0)
    await eventually('the submitter to know the decliner', async () => {
      const nodes = await submitter.get<NodeView[]>('/v1/nodes')
      return nodes.some(({ name, state }) => name === 'decliner' && state === 'ready')
    })
    const taskId = (await submitter.cli('run', '--detach', '--', 'true')).stdout.trim()
    await submitter.cli('wait', taskId)
    await untilSigned(decliner, 'decline.sent')
    await untilSigned(submitter, 'settlement.sent')
    const { parts } = await json<AuditStory>(submitter, 'audit', 'list', '--task', taskId)
    const theirs = parts.find(({ name }) => name === 'decliner')!
    assert.equal(theirs.outcome, 'proven')
    assert.deepEqual(
      theirs.entries.map(({ event }) => event.type),
      ['offer.received', 'decline.sent'],
    )
    const sent = theirs.entries.map(({ event }) => event).find((event) => event.type === 'decline.sent')
    assert.ok(sent?.type === 'decline.sent' && sent.peer === submitter.status.peerId)
    assert.match(JSON.stringify(sent.reasons), /policy.*not-today/)
    const heard = parts[0]!.entries.map(({ event }) => event).find((event) => event.type === 'decline.received')
    assert.ok(heard?.type === 'decline.received' && heard.peer === decliner.status.peerId)
    assert.deepEqual([heard.offerId, heard.reasons], [sent.offerId, sent.reasons])
    const text = (await submitter.cli('audit', 'list', '--task', taskId)).stdout
    assert.match(text, /^decliner +\d+ .* decline\.sent .*policy/m)
  })

  it('writes what concerns trust, and goes on after kill -9 and restart without a hole', async () => {
    const first = await startDaemon({ name: 'lone' })
    await first.cli('trust', 'add', STRANGER)
    const before = await json<AuditEntry[]>(first, 'audit', 'list')
    await first.kill()
    const second = await startDaemon({ name: 'lone', dataDir: first.dataDir })
    await untilSigned(second, 'daemon.started', before.length)
    const after = (await json<AuditEntry[]>(second, 'audit', 'list')).toReversed()
    assert.deepEqual(
      after.map(({ position }) => position),
      after.map((_, index) => index),
    )
    assert.deepEqual(after.slice(0, before.length), before.toReversed())
    assert.deepEqual(
      after.map(({ event }) => event.type),
      ['daemon.started', 'trust.added', 'daemon.started'],
    )
    assert.equal((await second.cli('audit', 'verify')).code, 0)
  })

  it('exports what verifies without a daemon, and does not when a byte is changed', async () => {
    const daemon = await startDaemon({ name: 'lone' })
    await daemon.cli('run', '--', 'true')
    await untilSigned(daemon, 'settlement.received')
    const file = join(daemon.dataDir, 'log.ndjson')
    const written = await daemon.cli('audit', 'export', file)
    assert.equal(written.code, 0, written.stderr)
    const peer = daemon.status.peerId
    await daemon.stop()
    const verified = await daemon.cli('audit', 'verify', file, '--node', peer)
    assert.match(verified.stdout, new RegExp(`1\\d events, 0 to 1\\d, as ${peer} signed them`))
    const other = await daemon.cli(
      'audit',
      'verify',
      file,
      '--node',
      '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN',
    )
    assert.match(other.stderr, /is signed by .*, not by/)
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    const at = lines.findIndex((line) => decodeLine(line)?.type === 'run.ended')
    const { position, bytes } = JSON.parse(lines[at]!) as { position: number; bytes: string }
    const event = { ...decodeEvent(Buffer.from(bytes, 'base64')), exitCode: 9 }
    const forged = JSON.stringify({ position, bytes: Buffer.from(encodeEvent(event as never)).toString('base64') })
    const wrong: [string[], RegExp][] = [
      [lines.with(at, forged), /its events are not those that were signed/],
      [lines.toSpliced(at, 1), /line \d+: it is event \d+; expected \d+/],
      [lines.slice(0, -1), /it ends at event \d+; the signed head counts/],
      [lines.with(0, lines[0]!.replace(/"size":\d+/, '"size":3')), /size and root are not those that were signed/],
      [lines.with(3, 'rubbish'), /line 4: it is not JSON/],
      [[], /line 1/],
    ]
    for (const [changed, problem] of wrong) {
      writeFileSync(file, changed.join('\n'))
      const { code, stderr } = await daemon.cli('audit', 'verify', file)
      assert.equal(code, 1)
      assert.match(stderr, problem)
      assert.doesNotMatch(stderr, /\n\s+at /)
    }
    assert.match((await daemon.cli('audit', 'verify', `${file}.none`)).stderr, /cannot read .*none/)
  })

  it('finds an event edited behind the back of its daemon: by verify, and by whoever asks for it', async () => {
    const { submitter, executor } = await pair()
    const taskId = (await submitter.cli('run', '--detach', '--', 'sh', '-c', 'exit 7')).stdout.trim()
    await submitter.cli('wait', taskId)
    const ended = await untilSigned(executor, 'run.ended')
    assert.equal((await executor.cli('audit', 'verify')).code, 0)
    assert.equal((await submitter.cli('audit', 'list', '--task', taskId)).code, 0)
    const database = openDatabase(executor)
    const forged = forgedBody(database, ended.position)
    database.prepare('UPDATE audit_event SET body = ? WHERE position = ?').run(forged, ended.position)
    database.close()
    const own = await executor.cli('audit', 'verify')
    assert.equal(own.code, 1)
    assert.match(own.stdout, /NOT AS WRITTEN: the events do not have the root/)
    // Its root is what it was, so that nobody who only follows roots notices; whoever asks for the event does.
    const story = await submitter.cli('audit', 'list', '--task', taskId)
    assert.equal(story.code, 1)
    assert.match(story.stdout, /executor \(not proven\) .* run\.ended .*exitCode=0/)
    assert.match(story.stderr, /executor: what it says is not in the log that it signed/)
  })

  it('finds a history that was rewritten whole, and believes it again when told to', async () => {
    const { submitter, executor } = await pair()
    await submitter.cli('run', '--', 'sh', '-c', 'exit 7')
    const ended = await untilSigned(executor, 'run.ended')
    await untilHeard(submitter, executor, ended.position + 1)
    await executor.stop()
    rewrite(executor, ended.position)
    const again = await startDaemon({ name: 'executor', dataDir: executor.dataDir, join: [submitter.address] })
    // By itself it is in order; the neighbour remembers the root that was.
    await eventually('the link', async () => (await again.get<StatusView>('/v1/status')).peers.length > 0)
    const verdict = await json<AuditVerdict>(again, 'audit', 'verify')
    assert.deepEqual(verdict.problems, [])
    assert.match(verdict.seenByOthers[0]!.outcome, /^(inconsistent|forked)$/)
    const alarm = await eventually('the alarm', async () => alarmAt(submitter), 100_000)
    assert.equal(alarm.peer, executor.status.peerId)
    assert.match(
      (await submitter.cli('status')).stdout,
      /AUDIT ALARM +the audit log of executor is (inconsistent|forked)/,
    )
    const nodes = await submitter.get<NodeView[]>('/v1/nodes')
    assert.equal(nodes.find(({ name }) => name === 'executor')?.auditAlarm, alarm.what)
    assert.equal((await submitter.cli('audit', 'verify')).code, 1)
    const [told] = await json<AuditEntry[]>(submitter, 'audit', 'list', '--type', 'audit.alarm')
    assert.equal(told?.event.type === 'audit.alarm' && told.event.peer, alarm.peer)
    assert.equal((await submitter.cli('audit', 'accept', alarm.peer)).code, 0)
    assert.deepEqual((await submitter.get<StatusView>('/v1/status')).audit.alarms, [])
    assert.equal((await submitter.cli('audit', 'accept', alarm.peer)).code, 1)
  })
})

function decodeLine(line: string) {
  const { bytes } = JSON.parse(line) as { bytes?: string }
  return bytes === undefined ? undefined : decodeEvent(Buffer.from(bytes, 'base64'))
}

/** Waits until a neighbour has heard a head of at least this many events. */
async function untilHeard(neighbour: TestDaemon, of: TestDaemon, size: number): Promise<void> {
  await eventually(
    `a head of ${size} events`,
    async () => {
      const { others } = await json<AuditVerdict>(neighbour, 'audit', 'verify')
      const heard = others.find(({ peer }) => peer === of.status.peerId)
      return heard?.outcome === 'consistent' && (heard.size ?? 0) >= size
    },
    40_000,
  )
}

async function alarmAt(daemon: TestDaemon) {
  return (await daemon.get<StatusView>('/v1/status')).audit.alarms[0]
}
