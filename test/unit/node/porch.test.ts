/** A newcomer at a porch that lies to it: it believes nothing that does not follow from its ticket. */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import type { Ticket } from '../../../src/model/governance.ts'
import { JoinError, readTicket, redeemTicket } from '../../../src/node/governance/porch.ts'
import { firstMessage, writeMessage } from '../../../src/node/streams/framing.ts'
import { openPorch, type Porch } from '../../../src/peer/porch.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { makeStatement, statementSigner, type VerifiedStatement } from '../../../src/wire/statement.ts'
import {
  admit,
  clusterOf,
  ENROLLER,
  entryOn,
  GENESIS_PLACE,
  HOME,
  HOUR_MS,
  keyOf,
  NOW_MS,
  revoke,
  someChange,
  YEAR_MS,
} from '../governance/fixtures.ts'

const seed = (fill: number) => new Uint8Array(32).fill(fill)
const LIAR = statementSigner(seed(7))
const NEWCOMER = statementSigner(seed(8))
const options = (fill: number) => ({ seed: seed(fill), allowPublic: false, log: SILENT })
const now = () => NOW_MS
const codeIs = (code: string) => (error: unknown) => error instanceof JoinError && error.code === code

describe('redeeming a ticket', function () {
  this.timeout(20_000)
  let porch: Porch | undefined
  afterEach(async () => porch?.close())

  /** A porch that answers with these messages, and a ticket that leads there. */
  async function lying(...answer: readonly unknown[]): Promise<{ statement: VerifiedStatement; ticket: Ticket }> {
    porch = await openPorch(options(7), ['/ip4/127.0.0.1/tcp/0'], (_visitor, stream: Duplex) => {
      void firstMessage(stream).then(async () => {
        for (const message of answer) await writeMessage(stream, message)
        stream.end()
      })
    })
    const ticket: Ticket = {
      cluster: HOME.id,
      name: 'home',
      redeemer: LIAR.id,
      addresses: porch.addresses(),
      owner: 'ann',
      roles: ['worker'],
      membershipMs: YEAR_MS,
      expiresAtMs: NOW_MS + HOUR_MS,
      nonce: '1'.repeat(32),
    }
    return { statement: makeStatement('ticket', ticket, [LIAR]), ticket }
  }

  it('waits no longer than it is told to for a member that takes the ticket and says nothing', async () => {
    const heard = Promise.withResolvers<void>()
    const made = await lying()
    await porch!.close()
    porch = await openPorch(options(7), ['/ip4/127.0.0.1/tcp/0'], (_visitor, stream: Duplex) => {
      void firstMessage(stream).then(() => heard.resolve())
    })
    const ticket = { ...made.ticket, addresses: porch.addresses() }
    const ending = new AbortController()
    const redeemed = redeemTicket({ ...options(8), signal: ending.signal }, NEWCOMER.id, { ...made, ticket }, now)
    await heard.promise
    ending.abort()
    await assert.rejects(redeemed, { code: 'aborted' })
  })

  const redeem = async (made: Awaited<ReturnType<typeof lying>>) => redeemTicket(options(8), NEWCOMER.id, made, now)
  const told = (...statements: VerifiedStatement[]) => statements.map(({ bytes }) => ({ statement: bytes }))
  const genesis = (cluster = HOME) => ({ genesis: cluster.statement.bytes, addresses: [] })

  it('takes what follows from the genesis that the ticket names', async () => {
    const joined = await redeem(await lying(genesis(), ...told(admit(NEWCOMER.id))))
    assert.equal(joined.genesis.hash, HOME.id)
  })

  it('refuses another genesis, although it has the same name and admins', async () => {
    const other = clusterOf({ nonce: 'f'.repeat(32) })
    await assert.rejects(redeem(await lying(genesis(other), ...told(admit(NEWCOMER.id)))), codeIs('bad-answer'))
  })

  it('refuses an admission by somebody who may not admit, one of another node, and none', async () => {
    const answers = [[admit(NEWCOMER.id, {}, LIAR)], [admit(keyOf('other').id)], []]
    for (const statements of answers) {
      await assert.rejects(redeem(await lying(genesis(), ...told(...statements))), codeIs('bad-answer'))
      await porch?.close()
    }
  })

  it('sees that it was revoked, or that the log it is shown says the enroller may not admit', async () => {
    const withdrawn = entryOn(GENESIS_PLACE, { kind: 'revoke', nodes: [ENROLLER.id], keep: [] })
    for (const more of [revoke(NEWCOMER.id), withdrawn]) {
      await assert.rejects(redeem(await lying(genesis(), ...told(admit(NEWCOMER.id), more))), codeIs('bad-answer'))
      await porch?.close()
    }
    await redeem(await lying(genesis(), ...told(admit(NEWCOMER.id), entryOn(GENESIS_PLACE, someChange(1)))))
  })

  it('refuses junk, a no without a known reason, and a key that the ticket does not name', async () => {
    await assert.rejects(redeem(await lying({ hello: 'there' })), codeIs('bad-answer'))
    await porch?.close()
    await assert.rejects(redeem(await lying({ refused: 'toString' })), codeIs('turned-away'))
    await porch?.close()
    const { statement, ticket } = await lying(genesis(), ...told(admit(NEWCOMER.id)))
    await assert.rejects(
      redeem({ statement, ticket: { ...ticket, redeemer: keyOf('other').id } }),
      /cannot be joined by/,
    )
  })

  it('a ticket as text is read only whole, signed by the member it names, and in time', async () => {
    const { statement, ticket } = await lying()
    const textOf = ({ bytes }: VerifiedStatement) => `althing-ticket-${Buffer.from(bytes).toString('base64url')}`
    assert.deepEqual(readTicket(` ${textOf(statement)}\n`, NOW_MS).ticket, ticket)
    for (const bad of [
      '',
      'hello',
      textOf(statement).slice(0, -9),
      textOf(makeStatement('ticket', ticket, [NEWCOMER])),
    ])
      assert.throws(() => readTicket(bad, NOW_MS), codeIs('bad-ticket'), bad)
    assert.throws(() => readTicket(textOf(statement), NOW_MS + HOUR_MS), codeIs('bad-ticket'))
  })
})
