/** Plain named counters. Names are Prometheus style without the prefix (`control_frames_in_total`). */
export class Counters {
  readonly #values = new Map<string, number>()

  add(name: string, by = 1): void {
    this.#values.set(name, (this.#values.get(name) ?? 0) + by)
  }

  get(name: string): number {
    return this.#values.get(name) ?? 0
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(this.#values)
  }
}
