/** A bug to plant, in a line of the core. */
export interface PlantedBug {
  readonly name: string
  readonly file: string
  /** The line, without its indentation; it must occur once. */
  readonly line: string
  readonly instead: string
  readonly why: string
  /**
   * One that showed it lately, where that is none of the first: it is looked at before all others. A change of the core
   * may change what happens in it; then the search takes longer, and finds another.
   */
  readonly seed?: number
}
