import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drawMatrix, drawStep, drawVerdict, StepLines } from '../../../src/cli/doctor/show.ts'
import type { DoctorStep, ReachabilityView } from '../../../src/model/doctor.ts'
import { cli, startCli, type CliRun } from '../../support/cli.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'
import { until } from '../../support/until.ts'

const plain = (_style: string, text: string): string => text
const well: DoctorStep = { id: 'dial', outcome: 'ok', found: '10.0.0.5:4100 takes connections', fix: [], measured: {} }
const ill: DoctorStep = {
  id: 'cluster',
  outcome: 'broken',
  found: 'barn is of another',
  cause: 'they exchange nothing',
  fix: ['start it again'],
  measured: { theirs: 'b' },
}

function matrix(size: number): ReachabilityView {
  const ids = Array.from({ length: size }, (_, at) => `n${at}`)
  return {
    rows: ids.map((peerId) => ({
      peerId,
      name: peerId,
      source: 'told',
      cells: ids.flatMap((to) => (to === peerId ? [] : [{ peerId: to, way: 'direct' as const, rttMs: 2 }])),
      leftOut: 0,
    })),
    rowsLeftOut: 0,
  }
}

describe('cli: doctor', function () {
  this.timeout(30_000)
  let status: StatusFixture
  before(async () => (status = await startStatus()))
  after(() => status.stop())
  const run = (...args: string[]): Promise<CliRun> =>
    cli(['doctor', ...args], { socketPath: status.socketPath, env: { ALTHING_DATA_DIR: status.dir } })

  it('shows each step, cause and cure below it, and the broken one at the end: exit 1', async () => {
    status.operations.steps = [well, ill]
    const { code, stdout, stderr } = await run('barn')
    assert.deepEqual([code, stderr], [1, ''])
    assert.deepEqual(status.operations.examined.splice(0), ['barn'])
    const lines = stdout.split('\n').map((line) => line.trim())
    assert.deepEqual(lines, [
      'ok       dial            10.0.0.5:4100 takes connections',
      'broken   cluster         barn is of another',
      'they exchange nothing',
      '→ start it again',
      '',
      'broken: cluster: barn is of another',
      '',
    ])
  })

  it('as JSON: the steps, nothing else; exit 0 when none is broken', async () => {
    status.operations.steps = [well, { ...ill, outcome: 'warning' }]
    const { code, stdout } = await run('10.0.0.5:4100', '--json')
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(stdout), { steps: status.operations.steps })
    status.operations.examined.length = 0
  })

  it('without a name: this host, and the matrix after it', async () => {
    status.operations.steps = [{ ...well, id: 'store' }]
    status.operations.matrix = matrix(2)
    const { code, stdout } = await run()
    assert.equal(code, 0, stdout)
    assert.deepEqual(status.operations.examined.splice(0), [undefined])
    assert.match(stdout, /^ok +daemon +attic runs, version \S+, pid \d+$/m)
    assert.match(stdout, /^ok +data-directory +\S+ is writable$/m)
    assert.match(stdout, /^(ok|warning) +disk /m)
    assert.match(stdout, /^FROM \\ TO +n0 +n1$/m)
    const json = JSON.parse((await run('--json')).stdout) as { steps: DoctorStep[]; reachability: ReachabilityView }
    assert.deepEqual(json.reachability, matrix(2))
    assert.deepEqual(JSON.parse((await run('--matrix', '--json')).stdout), matrix(2))
  })

  it('refuses what is neither node nor address, and a node beside --matrix: exit 2', async () => {
    for (const args of [['a b'], [''], ['/ip4/1.2.3.4'], ['host:0'], ['barn', '--matrix'], ['barn', 'attic']]) {
      const { code, stdout, stderr } = await run(...args)
      assert.deepEqual([code, stdout], [2, ''], args.join())
      assert.doesNotMatch(stderr, /\n\s+at /)
    }
  })

  it('Ctrl-C ends it at once, and the examination in the daemon with it', async () => {
    let isCalledOff = false
    const asked = Promise.withResolvers<void>()
    const server = createServer((request, response) => {
      if (request.url === '/v1/status') {
        response.setHeader('content-type', 'application/json')
        return void response.end(JSON.stringify(status.operations.status()))
      }
      response.writeHead(200).flushHeaders()
      response.once('close', () => (isCalledOff = true))
      asked.resolve()
    })
    const dir = mkdtempSync(join(tmpdir(), 'althing-doctor-'))
    const socketPath = join(dir, 'a.sock')
    await once(server.listen(socketPath), 'listening')
    try {
      const { child, closed } = startCli(['doctor', 'barn'], { socketPath })
      await asked.promise
      child.kill('SIGINT')
      assert.deepEqual(await closed, [130, null])
      await until('the request to be called off', () => isCalledOff)
    } finally {
      server.close()
      rmSync(dir, { recursive: true })
    }
  })
})

describe('cli: doctor, in words', () => {
  it('a stranger’s text does nothing to the terminal', () => {
    assert.ok(!drawStep({ ...ill, found: 'x\u001b[2Jy', cause: 'a\nb' }, plain).includes('\u001b'))
    assert.equal(drawStep({ ...ill, cause: 'a\nb' }, plain).split('\n').length, 3)
  })

  it('the verdict names the first that is broken, or what could be better', () => {
    assert.equal(drawVerdict([well, ill, { ...ill, id: 'clock' }], plain), 'broken: cluster: barn is of another')
    assert.match(drawVerdict([{ ...ill, outcome: 'warning' }], plain), /nothing is broken; cluster could be better/)
    assert.equal(drawVerdict([well], plain), 'ok: nothing is wrong')
  })

  it('what was skipped for one reason is one line', () => {
    const lines = new StepLines(plain)
    const skip = (id: DoctorStep['id'], found: string): DoctorStep => ({ ...well, id, outcome: 'skipped', found })
    assert.deepEqual(lines.add(skip('clock', 'needs dial')), [])
    assert.deepEqual(lines.add(skip('probes', 'needs dial')), [])
    assert.deepEqual(lines.add(skip('multicast', 'switched off')), ['skipped  clock, probes: needs dial'])
    assert.equal(lines.add(well).length, 2)
    assert.deepEqual(lines.rest(), [])
  })

  it('a small mesh is a grid, a large one a row a node with counts', () => {
    const small = drawMatrix(matrix(3))
    assert.deepEqual(
      small.columns.map(({ title }) => title),
      ['FROM \\ TO', 'n0', 'n1', 'n2'],
    )
    const large = drawMatrix(matrix(40))
    assert.equal(large.columns[1]!.title, 'DIRECT')
    assert.deepEqual(large.rows[0]!, ['n0', '39', '0', '0', '0', '2 ms'])
  })

  it('what was cut, and who did not tell, is said', () => {
    const [first, second] = matrix(2).rows
    const view: ReachabilityView = {
      rows: [
        { ...first!, leftOut: 4 },
        { ...second!, source: 'unknown', whyNot: 'x', cells: [] },
      ],
      rowsLeftOut: 9,
    }
    const { rows, notes } = drawMatrix(view)
    assert.deepEqual(
      rows[1]!.map((cell) => (typeof cell === 'string' ? cell : cell.text)),
      ['n1', '?', '·'],
    )
    assert.equal(notes.length, 3)
    assert.match(notes.join('\n'), /9 more members[\s\S]*4 entries[\s\S]*question marks/)
  })
})
