/** What an admin has signed is never lost, whatever the daemon says: it is in the mesh, or in a file. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AdminKey } from '../../../src/cli/gov/admin.ts'
import { readProposal, textOf } from '../../../src/cli/gov/proposal.ts'
import { cli } from '../../support/cli.ts'
import { ANN, BEN, entryOn, GENESIS_PLACE, HOME, someChange } from '../governance/fixtures.ts'

const ENTRY = entryOn(GENESIS_PLACE, someChange(1), [BEN])
const FILE = `proposal-${ENTRY.hash.slice(0, 12)}.json`
const ADMINS = { keys: [BEN.id], threshold: 2 }

describe('cli: gov sign, and gov refuse', function () {
  this.timeout(30_000)
  let dir: string
  let server: Server
  /** What the daemon answers: a value, or the status of a problem. */
  let answers: Record<string, unknown>
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'althing-signing-'))
    AdminKey.in(join(dir, 'data'))
    const proposal = { id: ENTRY.hash, entry: textOf(ENTRY), refusals: [] }
    answers = {
      'GET /v1/proposals': [proposal],
      'GET /v1/cluster': { id: HOME.id, height: 0, admins: ADMINS, recovery: ADMINS },
      'POST /v1/proposals': { outcome: 'taken' },
    }
    server = createServer((request, response) => {
      const answer = answers[`${request.method} ${request.url}`]
      const isProblem = typeof answer === 'number'
      response.writeHead(isProblem ? answer : 200)
      response.end(JSON.stringify(isProblem ? { code: 'denied', title: 'it may not', status: answer } : answer))
    })
    server.listen(join(dir, 'a.sock'))
    await once(server, 'listening')
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
    rmSync(dir, { recursive: true })
  })
  const gov = async (word: string) => {
    const env = { ALTHING_DATA_DIR: join(dir, 'data'), ALTHING_SOCKET: join(dir, 'a.sock') }
    const { code, stderr } = await cli(['gov', word, ENTRY.hash.slice(0, 12)], { cwd: dir, env })
    const files = readdirSync(dir).filter((name) => name.startsWith('proposal-'))
    return { code, stderr, files }
  }

  it('that all members have needs no file', async () => {
    const { code, files, stderr } = await gov('sign')
    assert.deepEqual([code, files], [0, []], stderr)
  })

  it('that the mesh does not take is in a file', async () => {
    answers['POST /v1/proposals'] = { outcome: 'full' }
    const { code, stderr, files } = await gov('sign')
    assert.deepEqual([code, files], [0, [FILE]], stderr)
    assert.equal(readProposal(join(dir, FILE)).statement.signers.length, 2)
    assert.match(stderr, new RegExp(`${FILE} has it: hand that on`))
  })

  it('that was refused by one alone is in a file, too', async () => {
    answers['POST /v1/proposals'] = 403
    const { files, stderr } = await gov('refuse')
    assert.deepEqual(files, [FILE], stderr)
    assert.equal(readProposal(join(dir, FILE)).refusals.length, 1)
  })

  it('when the daemon fails that is said, and is no missing daemon', async () => {
    answers['GET /v1/cluster'] = 403
    const { code, stderr, files } = await gov('sign')
    assert.deepEqual([code, files], [1, [FILE]])
    assert.match(stderr, /it may not/)
    assert.doesNotMatch(stderr, /no daemon of its cluster/)
  })

  it('that the key may not sign leaves no file behind', async () => {
    answers['GET /v1/proposals'] = []
    answers['GET /v1/cluster'] = {
      id: HOME.id,
      height: 0,
      head: HOME.id,
      admins: ADMINS,
      recovery: ADMINS,
      enrollers: [],
    }
    const propose = async (out: string, enroller: string) => {
      const env = { ALTHING_DATA_DIR: join(dir, 'data'), ALTHING_SOCKET: join(dir, 'a.sock') }
      const words = ['gov', 'propose', '--enroll', enroller, '--out', out, '--json']
      return {
        ...(await cli(words, { cwd: dir, env })),
        files: readdirSync(dir).filter((name) => name.endsWith('.json')),
      }
    }
    const first = await propose('a.json', BEN.id)
    assert.deepEqual([first.code, first.files], [0, ['a.json']], first.stderr)
    const told = JSON.parse(first.stdout) as Record<string, unknown>
    assert.deepEqual([told['height'], told['inLog'], told['file']], [1, false, 'a.json'])
    const second = await propose('b.json', ANN.id)
    assert.deepEqual([second.code, second.files], [1, ['a.json']])
    assert.match(second.stderr, /has signed another proposal for the same place/)
  })
})
