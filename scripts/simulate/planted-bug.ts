/** A bug to plant, in a line of the core. */
export interface PlantedBug {
  readonly name: string
  readonly file: string
  /** The line, without its indentation; it must occur once. */
  readonly line: string
  readonly instead: string
  readonly why: string
}
