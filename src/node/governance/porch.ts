/**
 * Redeeming tickets, both sides: the member at whose porch somebody shows one, and the newcomer that goes there. The
 * newcomer trusts nothing but the hash in its ticket: the genesis must have it, and all else must follow from that.
 */
import type { Duplex } from 'node:stream'
import * as z from 'zod'
import { createGovernance, memberAt, type GovernanceState } from '../../governance/state.ts'
import { governanceStep } from '../../governance/step.ts'
import { liveTickets, type TicketFault } from '../../governance/tickets.ts'
import { Genesis, GOVERNANCE_LIMITS, Ticket } from '../../model/governance.ts'
import { TICKET_PREFIX } from '../../model/cluster-requests.ts'
import { openPorch, visitPorch, type Porch, type PorchOptions } from '../../peer/porch.ts'
import { AlthingError, messageOf } from '../../util/errors.ts'
import { openStatement, type VerifiedStatement } from '../../wire/statement.ts'
import { firstMessage, MessageReader, writeMessage } from '../streams/framing.ts'
import { historyOf, SPREAD_KINDS } from './cluster-store.ts'
import type { Governor } from './governor.ts'

/** A ticket that does not let this node in. */
export class JoinError extends AlthingError<'bad-ticket' | 'turned-away' | 'bad-answer'> {}

const Bytes = (maxBytes: number) =>
  z.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length <= maxBytes, `at most ${maxBytes} bytes`)
/** What a visitor says. */
const Question = z.strictObject({ ticket: Bytes(4 * 1024) })
/** What it is answered: no, or the genesis, and then one message for each statement. */
const Answer = z.union([
  z.strictObject({ refused: z.string().max(32) }),
  z.strictObject({
    genesis: Bytes(8 * 1024),
    addresses: z.array(z.string().max(GOVERNANCE_LIMITS.addressLength)).max(GOVERNANCE_LIMITS.addresses),
  }),
])
const Told = z.strictObject({ statement: Bytes(64 * 1024) })

/** Why each refusal, and what to do; in the words of whoever holds the ticket. */
const FAULTS: Readonly<Record<TicketFault | 'unreadable', { readonly why: string; readonly fix: string }>> = {
  'wrong-cluster': { why: 'the member is of another cluster', fix: 'ask for a ticket of the cluster you mean' },
  'wrong-redeemer': { why: 'it is to be redeemed at another member', fix: 'ask for a new ticket' },
  unknown: { why: 'the member did not issue it', fix: 'check that it was copied whole, or ask for a new one' },
  expired: { why: 'it has expired', fix: 'ask for a new one: althing invite' },
  'not-for-you': { why: 'it is for another node', fix: 'ask for one for this node: althing invite --for PEER' },
  used: { why: 'another node has joined by it', fix: 'ask for a new one: a ticket lets one node in' },
  revoked: {
    why: 'this node was revoked, which is for ever',
    fix: 'join with a new identity: an empty data directory',
  },
  'no-enroller': { why: 'the member that issued it may admit nobody any more', fix: 'ask another one' },
  frozen: { why: 'the log of the cluster is forked', fix: 'the recovery keys have to decide: althing gov recover' },
  unreadable: { why: 'the member could not read it', fix: 'check that it was copied whole, or ask for a new one' },
}

/** Reads a ticket as people hand it over. @throws JoinError `bad-ticket` */
export function readTicket(text: string, nowMs: number): { readonly statement: VerifiedStatement; ticket: Ticket } {
  const fix = 'copy it whole, as `althing invite` printed it'
  const word = text.trim()
  if (!word.startsWith(TICKET_PREFIX)) {
    throw new JoinError('bad-ticket', `this is no ticket: they begin with ${TICKET_PREFIX}`, { fix })
  }
  let statement: VerifiedStatement
  let ticket: Ticket
  try {
    statement = openStatement(new Uint8Array(Buffer.from(word.slice(TICKET_PREFIX.length), 'base64url')), 'ticket')
    ticket = Ticket.parse(statement.body)
    if (statement.signers.join() !== ticket.redeemer) throw new Error('not signed by the member it names')
  } catch (cause) {
    throw new JoinError('bad-ticket', `the ticket was altered or is not whole: ${messageOf(cause).slice(0, 200)}`, {
      fix,
      cause,
    })
  }
  if (ticket.expiresAtMs <= nowMs) {
    throw new JoinError('bad-ticket', `the ticket expired at ${new Date(ticket.expiresAtMs).toISOString()}`, {
      fix: FAULTS.expired.fix,
    })
  }
  return { statement, ticket }
}

/** What a newcomer has when it was let in. */
export interface Joined {
  readonly genesis: VerifiedStatement
  readonly statements: readonly VerifiedStatement[]
  /** Where the member that let it in listens. */
  readonly addresses: readonly string[]
}

/** Redeems a ticket. @throws JoinError, PeerError */
export async function redeemTicket(
  options: PorchOptions,
  self: string,
  { statement, ticket }: ReturnType<typeof readTicket>,
  nowMs: () => number,
): Promise<Joined> {
  return visitPorch(options, ticket.redeemer, ticket.addresses, async (stream) => {
    await writeMessage(stream, { ticket: statement.bytes })
    const reader = new MessageReader(stream)
    const answer = Answer.safeParse(await reader.next())
    if (!answer.success) throw badAnswer('it does not speak as a member does')
    if ('refused' in answer.data) throw turnedAway(answer.data.refused)
    const genesis = openStatement(answer.data.genesis, 'genesis')
    if (genesis.hash !== ticket.cluster) throw badAnswer('its genesis is not the one that the ticket names')
    const state = createGovernance(self, genesis.hash, Genesis.parse(genesis.body))
    const statements = await readHistory(reader, state, nowMs)
    if (memberAt(state, self, nowMs()) === undefined) {
      throw badAnswer('what it told does not make this node a member; the clocks of the two may differ')
    }
    return { genesis, statements, addresses: answer.data.addresses }
  })
}

/** More than a cluster may have is not read. */
const MAX_TOLD = GOVERNANCE_LIMITS.entries + 2 * GOVERNANCE_LIMITS.statements
/** Statements that are judged together. */
const AT_ONCE = 100

async function readHistory(reader: MessageReader, state: GovernanceState, nowMs: () => number) {
  const statements: VerifiedStatement[] = []
  let batch: VerifiedStatement[] = []
  const judge = () => {
    governanceStep(state, { type: 'statements', statements: batch }, nowMs())
    statements.push(...batch)
    batch = []
  }
  for (let told = await reader.next(); told !== undefined; told = await reader.next()) {
    batch.push(openStatement(Told.parse(told).statement, SPREAD_KINDS))
    if (batch.length >= AT_ONCE) judge()
    if (statements.length > MAX_TOLD) throw badAnswer('it tells more than a cluster can have')
  }
  judge()
  return statements
}

function turnedAway(code: string): JoinError {
  const known = Object.hasOwn(FAULTS, code) ? FAULTS[code as keyof typeof FAULTS] : undefined
  const why = known?.why ?? 'it gave a reason that this version does not know'
  return new JoinError('turned-away', `the ticket was not taken: ${why}`, {
    ...(known && { fix: known.fix }),
    meta: { fault: code.slice(0, 32) },
  })
}

function badAnswer(why: string): JoinError {
  return new JoinError('bad-answer', `the member that the ticket names cannot be believed: ${why}`, {
    fix: 'ask whoever gave you the ticket for a new one, and whether that member is well',
  })
}

/** What a porch is kept with. */
export interface KeeperOptions extends PorchOptions {
  readonly governor: Governor
  /** Where to listen, by the port; 0: any. */
  readonly listen: (port: number) => readonly string[]
  /** The port to try first. */
  readonly port: () => number
  readonly meshAddresses: () => readonly string[]
  readonly nowMs: () => number
}

/** The porch of this node: open while a ticket is live. */
export class PorchKeeper {
  readonly #options: KeeperOptions
  #porch: Promise<Porch> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** Opens the porch unless it is. @returns where it listens */
  async open(): Promise<readonly string[]> {
    this.#porch ??= this.#listen()
    try {
      return (await this.#porch).addresses()
    } catch (error) {
      this.#porch = undefined
      throw error
    }
  }

  /** Opens it where there is somebody to wait for, and closes it where there is nobody any more. */
  async tend(): Promise<void> {
    const { governor, nowMs, log } = this.#options
    const live = governor.state === undefined ? [] : liveTickets(governor.state, nowMs())
    if (live.length === 0) return this.close()
    const lastMs = Math.max(...live.map(([, { ticket }]) => ticket.expiresAtMs))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.tend(), lastMs - nowMs() + 1)
    await this.open().catch((error: unknown) => log.warn({ error: messageOf(error) }, 'the porch cannot be opened'))
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    const porch = this.#porch
    this.#porch = undefined
    await porch?.then((open) => open.close()).catch(() => {})
  }

  async #listen(): Promise<Porch> {
    const { listen, port } = this.#options
    const onVisit = (visitor: string, stream: Duplex) => void this.#receive(visitor, stream)
    const wanted = this.#portOfTickets() ?? port()
    try {
      return await openPorch(this.#options, listen(wanted), onVisit)
    } catch (error) {
      // Taken by something else: the tickets to come say where it is then.
      this.#options.log.warn({ port: wanted, error: messageOf(error) }, 'the porch listens on another port')
      return openPorch(this.#options, listen(0), onVisit)
    }
  }

  /** After a restart it has to be where the tickets say. */
  #portOfTickets(): number | undefined {
    const { governor, nowMs } = this.#options
    const live = governor.state === undefined ? [] : liveTickets(governor.state, nowMs())
    const port = /\/tcp\/(\d+)$/.exec(live.at(-1)?.[1].ticket.addresses[0] ?? '')?.[1]
    return port === undefined ? undefined : Number(port)
  }

  async #receive(visitor: string, stream: Duplex): Promise<void> {
    const { log } = this.#options
    try {
      const reply = this.#judge(visitor, Question.safeParse(await firstMessage(stream)))
      for (const message of reply) await writeMessage(stream, message)
      stream.end()
    } catch (error) {
      log.warn({ visitor, error: messageOf(error) }, 'a visitor of the porch could not be answered')
      stream.destroy()
    }
  }

  /** The answer to a visitor, message by message. */
  #judge(visitor: string, asked: ReturnType<typeof Question.safeParse>): readonly object[] {
    const { governor, meshAddresses, log } = this.#options
    const { state } = governor
    const shown = asked.success ? ticketIn(asked.data.ticket) : undefined
    if (shown === undefined || state === undefined) return [{ refused: 'unreadable' }]
    const { hash, ticket } = shown
    const effects = governor.run({ type: 'redeem', hash, ticket, node: visitor })
    const away = effects.find((effect) => effect.type === 'turn-away')
    if (away?.type === 'turn-away') {
      log.warn({ visitor, fault: away.fault }, 'a ticket was not taken')
      return [{ refused: away.fault }]
    }
    log.info({ visitor }, 'admitted by a ticket')
    const addresses = meshAddresses().slice(0, GOVERNANCE_LIMITS.addresses)
    const told = historyOf(state).map(({ bytes }) => ({ statement: bytes }))
    return [{ genesis: governor.genesis!.bytes, addresses }, ...told]
  }
}

function ticketIn(bytes: Uint8Array): { readonly hash: string; readonly ticket: Ticket } | undefined {
  try {
    const { hash, body } = openStatement(bytes, 'ticket')
    const { data } = Ticket.safeParse(body)
    return data && { hash, ticket: data }
  } catch {
    return undefined
  }
}
