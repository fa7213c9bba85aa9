/** What this node asks of others beside tasks: the answers, for whoever waits for them. */
import { randomInt } from 'node:crypto'
import type { Operated, Operation } from '../model/operation.ts'
import type { Peer, PeerIdText } from '../peer/peer.ts'
import { BoundedMap } from '../util/bounded-map.ts'
import { messageOf } from '../util/errors.ts'
import { toFrame, type Sealer } from './messages.ts'
import { OperationError } from './operations.ts'

/** Questions under way at once. */
const MAX_ASKED = 64
/** How long an answer may take, the dial included: one that is stored first comes within milliseconds. */
const ANSWER_WAIT_MS = 10_000

/** What they are asked by. */
export interface RemoteOperationsOptions {
  readonly peer: () => Pick<Peer, 'send'>
  readonly sealer: Sealer
  /** @default 10000 */
  readonly waitMs?: number
}

export class RemoteOperations {
  readonly #options: RemoteOperationsOptions
  /** By peer and nonce. */
  readonly #asked = new BoundedMap<string, (answer: Operated) => void>(MAX_ASKED, 'refuse')

  constructor(options: RemoteOperationsOptions) {
    this.#options = options
  }

  /** @param name of the node, for messages. @throws OperationError `not-allowed`, `conflict`, `busy` */
  async ask(to: PeerIdText, name: string, operation: Operation, dryRun: boolean): Promise<Operated> {
    const { peer, sealer, waitMs = ANSWER_WAIT_MS } = this.#options
    const nonce = randomInt(2 ** 32)
    const { promise, resolve, reject } = Promise.withResolvers<Operated>()
    if (!this.#asked.set(`${to}/${nonce}`, resolve))
      throw new OperationError('busy', 'too many nodes are asked at once', { fix: 'ask again in a moment' })
    const patience = setTimeout(() => reject(unanswered(name, waitMs)), waitMs)
    try {
      peer()
        .send(to, toFrame({ t: 'operate', body: { nonce, operation, dryRun } }, sealer))
        .catch((error: unknown) => reject(unreachable(name, error)))
      const answer = await promise
      if (answer.refusals.length > 0) throw refused(name, operation, answer)
      return answer
    } finally {
      clearTimeout(patience)
      this.#asked.delete(`${to}/${nonce}`)
    }
  }

  /** Takes an answer of a peer of this cluster; one that nobody waits for is none. */
  take(from: PeerIdText, answer: Operated): void {
    this.#asked.get(`${from}/${answer.nonce}`)?.(answer)
  }
}

function unanswered(name: string, waitMs: number): OperationError {
  return new OperationError('conflict', `${name} did not answer within ${waitMs / 1_000} s`, {
    fix: `\`althing node ${name}\` says whether it is there; one of an older version cannot be asked`,
  })
}

function unreachable(name: string, error: unknown): OperationError {
  return new OperationError('conflict', `${name} cannot be asked: ${messageOf(error)}`, {
    cause: error,
    fix: `\`althing doctor ${name}\` says what is broken on the way`,
  })
}

function refused(name: string, { name: what }: Operation, { refusals }: Operated): OperationError {
  const why = refusals.map(({ wanted, saw }) => `${wanted} (${saw})`).join('; ')
  return new OperationError('not-allowed', `${name} refuses ${what}: ${why}`, {
    fix: 'its owner can do it on that machine, or allow it by a rule with `operations` in its policy',
  })
}
