/** `althing audit` against a daemon in memory: what it prints, and the code it ends with. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LogCheck } from '../../../src/audit/check.ts'
import { Frontier } from '../../../src/audit/frontier.ts'
import { hashLeaf } from '../../../src/audit/hashing.ts'
import type { AuditEvent } from '../../../src/model/audit.ts'
import { encodeEvent } from '../../../src/wire/audit-event.ts'
import { createSigner } from '../../../src/wire/envelope.ts'
import { cli, type CliRun } from '../../support/cli.ts'
import { PEER_A, PEER_B } from '../../support/fake-operations.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'

const EVENTS: readonly AuditEvent[] = Array.from({ length: 2_300 }, (_, at) =>
  at % 2 === 0
    ? { type: 'member.joined', atMs: 1_790_000_000_000 + at, peer: PEER_B }
    : { type: 'task.ended', atMs: 1_790_000_000_000 + at, taskId: `t${at}`, state: 'failed', exitCode: 7 },
)

/** The lines of an exported log of a few events. */
function exported(): { lines: string[]; node: string } {
  const signer = createSigner(new Uint8Array(32).fill(5))
  const bytes = EVENTS.slice(0, 5).map((event) => encodeEvent(event))
  const frontier = new Frontier()
  for (const each of bytes) frontier.append(hashLeaf(each))
  const body = { size: 5, root: frontier.root() }
  const head = signer.seal({ kind: 'audit-head', name: '', epoch: 1, seq: 1, hlc: 1, ttlMs: 0, body })
  const first = {
    format: 'althing-audit/1',
    node: signer.id,
    size: 5,
    root: Buffer.from(body.root).toString('hex'),
    signedHead: Buffer.from(head.bytes).toString('base64'),
    from: 0,
    peaks: [],
  }
  const rest = bytes.map((each, position) => ({ position, bytes: Buffer.from(each).toString('base64') }))
  return { lines: [first, ...rest].map((line) => `${JSON.stringify(line)}\n`), node: signer.id }
}

describe('cli: audit', function () {
  this.timeout(30_000)
  let status: StatusFixture
  before(async () => (status = await startStatus()))
  after(() => status.stop())
  const run = (...args: string[]): Promise<CliRun> =>
    cli(['audit', ...args], { socketPath: status.socketPath, env: { ALTHING_DATA_DIR: status.dir } })

  it('lists as many as are asked for, over as many pages as it takes', async () => {
    status.operations.audited = EVENTS.map((event, position) => ({ position, event }))
    const all = JSON.parse((await run('list', '--limit', '2200', '--json')).stdout) as { position: number }[]
    assert.deepEqual([all.length, all[0]?.position, all.at(-1)?.position], [2_200, 2_299, 100])
    const { stdout } = await run('list', '--type', 'task', '--limit', '2')
    assert.match(
      stdout,
      /^ +ID +TIME +TYPE +WHAT\n2299 +20\S+ \S+ +task\.ended +taskId=t2299 state=failed exitCode=7\n2297/,
    )
    assert.equal(stdout.trimEnd().split('\n').length, 3)
  })

  it('shows one event with its proof, and says which there is not', async () => {
    assert.match((await run('show', '2')).stdout, /^member\.joined peer=…\w{8}\nevent 2 of 2300, .*\nroot abab/)
    const { code, stderr } = await run('show', '9999')
    assert.deepEqual([code, stderr], [1, 'althing: there is no event 9999\n'])
  })

  it('ends with 1 when a log is not what it was', async () => {
    assert.equal((await run('verify')).code, 0)
    const verdict = { ...status.operations.verdict }
    status.operations.verdict = { ...verdict, problems: ['event 3 is missing'] }
    const own = await run('verify')
    assert.equal(own.code, 1)
    assert.match(own.stdout, /NOT AS WRITTEN: event 3 is missing/)
    const barn = { peer: PEER_B, name: 'barn' }
    const seenByOthers = [{ ...barn, outcome: 'unanswered' as const }]
    status.operations.verdict = { ...verdict, seenByOthers, others: [{ ...barn, outcome: 'consistent', size: 8 }] }
    const silent = await run('verify')
    assert.equal(silent.code, 0, 'silence proves nothing')
    assert.match(silent.stdout, /barn +unanswered +consistent \(8\)/)
    const alarm = { what: 'shrunk' as const, atMs: 1, firstSize: 9, secondSize: 4, first: '', second: '', path: [] }
    status.operations.verdict = { ...verdict, alarms: [{ ...barn, ...alarm }] }
    const accused = await run('verify')
    assert.equal(accused.code, 1)
    assert.match(accused.stdout, /ALARM since 1970-\S+: barn \(\S+\) is shrunk: 9 events then, 4 later/)
    const inStatus = await cli(['status'], { socketPath: status.socketPath })
    assert.match(inStatus.stdout, /AUDIT ALARM +the audit log of barn is shrunk/)
    assert.equal((await run('accept', PEER_B)).stdout, `${PEER_B}\n`)
    assert.equal((await run('accept', PEER_B)).code, 1)
    status.operations.verdict = verdict
  })

  it('puts the parts of a story in order, and says whose is missing or not proven', async () => {
    const entry = (position: number, event: AuditEvent) => ({ position, event, bytes: '', path: [] })
    const [first, second, third] = EVENTS
    const part = (node: string, name: string) => ({ node, name, more: false })
    status.operations.auditedStory = {
      taskId: 'told',
      parts: [
        { ...part(PEER_A, 'attic'), outcome: 'proven', entries: [entry(7, third!), entry(1, first!)] },
        { ...part(PEER_B, 'barn'), outcome: 'unproven', entries: [entry(4, second!)] },
        { ...part(PEER_B, 'cellar'), outcome: 'unanswered', entries: [] },
      ],
    }
    const { code, stdout, stderr } = await run('list', '--task', 'told')
    assert.equal(code, 1)
    assert.match(stdout, /attic +1 .*\nbarn \(not proven\) +4 .*\nattic +7 /)
    assert.match(stderr, /barn: what it says is not in the log that it signed/)
    assert.match(stderr, /cellar did not answer/)
    assert.equal((await run('list', '--task', 'other')).code, 1)
  })

  it('writes an export only when it verifies, and leaves nothing half written', async () => {
    const { lines, node } = exported()
    const file = join(status.dir, 'log.ndjson')
    status.operations.exported = lines
    const { code, stdout } = await run('export', file)
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`log.ndjson: 5 events, 0 to 4, as ${node} signed them\\nfrom 2026-`))
    assert.equal(readFileSync(file, 'utf8'), lines.join(''))
    status.operations.exported = lines.toSpliced(2, 1)
    const broken = await run('export', file)
    assert.equal(broken.code, 1)
    assert.match(broken.stderr, /line 3: it is event 2; expected 1/)
    assert.equal(readFileSync(file, 'utf8'), lines.join(''), 'what was there is still there')
    assert.deepEqual(
      readdirSync(status.dir).filter((name) => name.endsWith('.part')),
      [],
    )
    assert.equal((await run('export', join(status.dir, 'none', 'log'))).code, 1)
    assert.equal(existsSync(join(status.dir, 'none')), false)
  })

  it('verifies no file that was cut off or has a hole, and names where', async () => {
    const { lines } = exported()
    const file = join(status.dir, 'cut.ndjson')
    const verify = async (text: string) => {
      writeFileSync(file, text)
      const { code, stderr } = await run('verify', file)
      assert.match(stderr, /^althing: \S+cut\.ndjson|^$/)
      return [code, stderr]
    }
    assert.deepEqual(await verify(lines.join('')), [0, ''])
    const text = lines.join('')
    const cut: [string, RegExp][] = [
      [lines.slice(0, -1).join(''), /: it ends at event 4; the signed head counts 5\n/],
      [lines.slice(0, 2).join(''), /: it ends at event 1; the signed head counts 5\n/],
      [lines[0]!, /: it ends at event 0; the signed head counts 5\n/],
      [text.slice(0, -20), /, line 6: it is not JSON: it was changed, or cut off\n/],
      [lines[0]!.slice(0, 90), /, line 1: it is not JSON/],
      [lines.toSpliced(3, 1).join(''), /, line 4: it is event 3; expected 2\n/],
      [lines.toSpliced(1, 1).join(''), /, line 2: it is event 1; expected 0\n/],
    ]
    for (const [what, problem] of cut) {
      const [code, stderr] = await verify(what)
      assert.equal(code, 1)
      assert.match(String(stderr), problem)
      assert.match(String(stderr), /\n {2}fix: this file proves nothing/)
    }
  })

  const wrong: [string[], RegExp][] = [
    [['list', '--type', 'nosuch'], /^althing: --type nosuch: expected a type or the beginning of one: daemon, member/],
    [['list', '--since', '5'], /--since 5: give a unit/],
    [['list', '--task', 'x', '--type', 'run'], /--task tells the whole story/],
    [['show', 'x'], /id x: expected a whole number/],
    [['verify', '--node', PEER_B], /--node says who must have signed a file/],
    [['accept', 'barn'], /peer barn: expected a peer id/],
  ]
  for (const [args, message] of wrong) {
    it(`${args.join(' ').slice(0, 40)}: says what is wrong with it`, async () => {
      const { code, stderr } = await run(...args)
      assert.equal(code, 2)
      assert.match(stderr, message)
    })
  }
})

describe('audit/check', () => {
  it('goes on from any place, and is at its head only with all of it', () => {
    const bytes = EVENTS.slice(0, 21).map((event) => encodeEvent(event))
    const whole = new Frontier()
    const before = new Frontier()
    for (const [at, each] of bytes.entries()) {
      whole.append(hashLeaf(each))
      if (at < 13) before.append(hashLeaf(each))
    }
    const check = new LogCheck(13, before.peaks)
    const head = { size: 21, root: whole.root() }
    for (const each of bytes.slice(13)) {
      assert.ok(!check.isAt(head))
      check.take(each)
    }
    assert.ok(check.isAt(head))
    assert.throws(() => new LogCheck(12, before.peaks), RangeError)
  })
})
