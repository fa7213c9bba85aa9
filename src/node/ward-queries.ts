/** Questions to other wards, from whoever waits for the answer: the core asks, and says when it is over. */
import { mayHold } from '../mesh/wards/filter.ts'
import { newestByWard } from '../mesh/wards/digests.ts'
import { contains, nameOf } from '../mesh/wards/ward.ts'
import type { MeshEffect, MeshInput, MeshState } from '../mesh/types.ts'
import { HELD_LIMITS } from '../mesh/wards/state.ts'
import { WARD_LIMITS, type WardQuestion } from '../model/ward.ts'

/** Questions that may wait at once: as many as the core has under way. */
const MOST_WAITING = 64
/** A question to all wards that may know waits so long for those that do not answer. */
export const ASK_ALL_MS = 3_000

type Answered = MeshEffect & { type: 'ward-answered' }
/** What has become of a question. `left`: nodes that fitted and were not told of. */
export type WardAnswer = Pick<Answered, 'ward' | 'outcome' | 'left' | 'last'>

export class WardQueries {
  readonly #mesh: MeshState
  readonly #post: (input: MeshInput) => void
  readonly #waiting = new Map<string, (answer: WardAnswer) => void>()
  #last = 0

  constructor(mesh: MeshState, post: (input: MeshInput) => void) {
    this.#mesh = mesh
    this.#post = post
  }

  /** The core says what has become of a question. */
  answered({ ticket, ...answer }: Answered): void {
    const waiting = this.#waiting.get(ticket)
    this.#waiting.delete(ticket)
    waiting?.(answer)
  }

  /** Asks one ward; its nodes that fit are known to this daemon then. At most some seconds, whoever answers. */
  ask(question: WardQuestion): Promise<WardAnswer> {
    const { ward } = question
    if (this.#waiting.size >= MOST_WAITING) return Promise.resolve({ ward, outcome: 'silent', left: 0, last: '' })
    const ticket = String(++this.#last)
    return new Promise((resolve) => {
      this.#waiting.set(ticket, resolve)
      this.#post({ type: 'ward-query', ticket, question })
    })
  }

  /**
   * Asks a ward for all its nodes, as many as are kept of other wards.
   * @returns whether all was told
   */
  async askAll(ward: string, selector: string | undefined): Promise<'told' | 'partly' | 'silent'> {
    let after = ''
    for (let pages = 0; pages * WARD_LIMITS.page < HELD_LIMITS.guests; pages++) {
      const question = { ward, ...(selector !== undefined && { selector }), most: WARD_LIMITS.page, after }
      const { outcome, left, last } = await this.ask(question)
      if (outcome === 'silent') return pages === 0 ? 'silent' : 'partly'
      if (left === 0) return 'told'
      if (last <= after) return 'partly'
      after = last
    }
    return 'partly'
  }

  /** Asks all other wards that may hold a name, at once. @returns those that did not answer in time */
  async askHolders(name: string, question: Omit<WardQuestion, 'ward'>): Promise<string[]> {
    const silent = new Set(this.othersHolding(name))
    const asked = [...silent].map(async (ward) => {
      const { outcome } = await this.ask({ ...question, ward })
      if (outcome === 'told') silent.delete(ward)
    })
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<void>((resolve) => (timer = setTimeout(resolve, ASK_ALL_MS)))
    await Promise.race([Promise.all(asked), tooLate])
    clearTimeout(timer)
    return [...silent]
  }

  /** Other wards that may hold a name, by their digests. */
  othersHolding(name: string): string[] {
    const { wards } = this.#mesh
    if (wards.at === undefined) return []
    return [...newestByWard(wards).values()]
      .filter(({ ward, body }) => !contains(wards.at, ward) && !contains(ward, wards.at) && mayHold(body.names, name))
      .map(({ ward }) => nameOf(ward))
  }
}
