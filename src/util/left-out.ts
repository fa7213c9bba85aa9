/** What did not get into an archive, or out of one: few enough words to be shown, however much it is. */

/** Entries that are named; of more only the number is told. */
const MAX_NAMED = 10
/** Characters of a name that are shown; of a longer one the end says more. */
const NAME_LENGTH = 80

export class LeftOut {
  readonly #named: string[] = []
  #count = 0

  /** @param why as it stands in brackets behind the name: `a named pipe` */
  add(path: string, why: string): void {
    this.#count++
    if (this.#named.length >= MAX_NAMED) return
    const name = path.replace(/^\.\//, '')
    this.#named.push(`${name.length > NAME_LENGTH ? `…${name.slice(-NAME_LENGTH)}` : name} (${why})`)
  }

  /** `a (a socket), b (a named pipe) and 3 more`; undefined when nothing was left out. */
  describe(): string | undefined {
    if (this.#count === 0) return undefined
    const more = this.#count - this.#named.length
    return `${this.#named.join(', ')}${more === 0 ? '' : ` and ${more} more`}`
  }
}
