/**
 * Watches the canaries of a trial from this node, this one itself if it is one, and signs what there is to say of them.
 * It does something only while a trial is under way.
 */
import { configurationOn, type HeldConfiguration } from '../../governance/configuration.ts'
import { memberAt } from '../../governance/state.ts'
import { wordsDue } from '../../governance/trials.ts'
import type { Trial } from '../../model/configuration.ts'
import type { MeshState } from '../../mesh/types.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { makeStatement, type StatementSigner } from '../../wire/statement.ts'
import type { Governor } from './governor.ts'

const LEAST_LOOK_MS = 100
const MOST_LOOK_MS = 5_000
/** Looks at a canary in the time of a trial, at least. */
const LOOKS = 8

/** A trial as this node has seen it. */
interface Watched {
  readonly entry: string
  readonly trial: Trial
  readonly sinceMs: number
  readonly runs: { ended: number; failed: number }
  /** Canaries that were there, and those of them that are not now, with since when. */
  readonly seen: Set<string>
  readonly away: Map<string, number>
  readonly timer: NodeJS.Timeout
}

/** What it needs of its daemon. */
export interface TrialWatchOptions {
  readonly mesh: Pick<MeshState, 'self' | 'topology'>
  readonly clock: Clock
  readonly log: Logger
  readonly governor: Governor
  readonly signer: StatementSigner
}

export class TrialWatch {
  readonly #options: TrialWatchOptions
  #watched: Watched | undefined

  constructor(options: TrialWatchOptions) {
    this.#options = options
  }

  /** The configuration is this now, or has come so far. */
  follow(held: HeldConfiguration | undefined): void {
    const trial = held?.stage === 'trial' ? held.decided.trial : undefined
    if (this.#watched !== undefined && this.#watched.entry === held?.decided.hash && trial !== undefined) return
    this.stop()
    if (held === undefined || trial === undefined) return
    const { clock } = this.#options
    const everyMs = Math.min(MOST_LOOK_MS, Math.max(LEAST_LOOK_MS, trial.forMs / LOOKS))
    this.#watched = {
      entry: held.decided.hash,
      trial,
      sinceMs: clock.nowMs(),
      runs: { ended: 0, failed: 0 },
      seen: new Set(),
      away: new Map(),
      timer: setInterval(() => this.#tryLook(), everyMs).unref(),
    }
    // A canary that dies of it at once was there before.
    this.#noteAway(this.#watched)
  }

  stop(): void {
    clearInterval(this.#watched?.timer)
    this.#watched = undefined
  }

  /** A run ended here. */
  noteRun({ failedHere }: { readonly failedHere: boolean }): void {
    if (this.#watched === undefined) return
    const { runs } = this.#watched
    runs.ended++
    if (failedHere) runs.failed++
  }

  /** What cannot be written, on a full disk for one, is written as soon as it can. */
  #tryLook(): void {
    try {
      this.#look()
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'could not say how a canary fares')
    }
  }

  #look(): void {
    const { mesh, governor, clock, log, signer } = this.#options
    const watched = this.#watched
    if (watched === undefined || governor.state === undefined) return
    // Whose word counts for nothing, in an open cluster for instance, says none.
    if (memberAt(governor.state, mesh.self, clock.wallMs()) === undefined) return
    this.#noteAway(watched)
    const { trial, entry, sinceMs, runs, away } = watched
    const { brake } = mesh.topology
    const facts = { self: mesh.self, nowMs: clock.nowMs(), trial, sinceMs, runs, cutOff: brake !== undefined, away }
    const said = configurationOn(governor.state)?.words ?? []
    const { cluster } = governor.state.log
    for (const { about, well, why } of wordsDue(facts)) {
      if (said.some((word) => word.node === mesh.self && word.about === about && (word.well === well || !word.well))) {
        continue
      }
      const word = { cluster, node: mesh.self, entry, about, well, why, atMs: clock.wallMs() }
      const outcomes = governor.take([makeStatement('canary', word, [signer])])
      log.info({ about, well, why, outcomes }, 'said how a canary fares with the configuration')
    }
  }

  #noteAway({ trial, seen, away }: Watched): void {
    const { mesh, clock } = this.#options
    for (const canary of trial.canaries) {
      // One that left, was expelled or has another key is not waited for.
      if (this.#options.governor.state?.roster.members.has(canary) !== true) {
        away.delete(canary)
        continue
      }
      const verdict = mesh.topology.members.get(canary)?.verdict
      if (verdict === 'offline' && seen.has(canary)) away.set(canary, away.get(canary) ?? clock.nowMs())
      else away.delete(canary)
      if (verdict === 'alive') seen.add(canary)
    }
  }
}
