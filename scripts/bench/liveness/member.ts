/** A member of a mesh under watch, whichever program runs it. */
import type { Host } from '../hosts.ts'
import { deadline } from '../wait.ts'

/** A program that finds out who is alive. */
export interface Kind {
  /** As in the table. */
  readonly name: string
  /** Starts a member on a host, under the name it had there before. Its first one needs no `seed` to join by. */
  start(host: Host, seed?: Member): Promise<Member>
}

/** One running member. */
export interface Member {
  /** By which the others name it. */
  readonly id: string
  readonly host: Host
  readonly pid: number
  /** Whom it holds offline. */
  readonly losses: Losses
  /** How many members it holds to be there, itself among them. */
  countPresent(): Promise<number>
  /** Whether it believes that it may be cut off itself. Absent where members know no such thing. */
  isCutOff?(): Promise<boolean>
  /** Ends it at once, as `kill -9` does. Resolves when it is gone. */
  kill(): Promise<void>
}

/** What one member says of others that went offline, with the moment each word arrived here. */
export class Losses {
  readonly #at = new Map<string, number>()
  readonly #waiting = new Map<string, (atMs: number) => void>()

  /** It holds `id` offline, as of now. */
  note(id: string): void {
    const nowMs = performance.now()
    if (!this.#at.has(id)) this.#at.set(id, nowMs)
    this.#waiting.get(id)?.(nowMs)
    this.#waiting.delete(id)
  }

  /** When it first said so, `performance.now()`, since `clear`. @throws Error when it does not say so within `ms` */
  async of(id: string, ms: number, who: string): Promise<number> {
    const known = this.#at.get(id)
    if (known !== undefined) return known
    const said = new Promise<number>((resolve) => this.#waiting.set(id, resolve))
    return deadline(said, ms, `${who} to hold ${id} offline`)
  }

  /** Forgets what was said so far. @returns of whom it was said */
  clear(): string[] {
    const ids = [...this.#at.keys()]
    this.#at.clear()
    return ids
  }
}
