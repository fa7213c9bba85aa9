/**
 * Whether the author of an exported log was a member of a cluster, found by its genesis alone: the file brings what was
 * signed, every signature is checked, and all else follows from the hash of the genesis, which is the cluster's id.
 */
import { tenureOf, type Tenure } from '../../governance/tenure.ts'
import type { Log } from '../../governance/log.ts'
import { AuditFileGenesis, AuditFileStatement } from '../../model/audit-file.ts'
import { messageOf } from '../../util/errors.ts'
import { CliError } from '../errors.ts'
import { readHistory, readHistoryFile } from '../gov/history.ts'
import type { Missing } from '../gov/missing.ts'
import { textOf } from '../gov/proposal.ts'
import { shownWord } from '../terminal.ts'

/** How far the clocks of a node and of whoever let it in may differ, as for records. */
const SKEW_MS = 30_000

/** Who must have signed a file. */
export interface WantedAuthor {
  /** A member of the cluster with this id. */
  readonly cluster?: string | undefined
  /** A file of what another member knows: the author itself may leave out that it was expelled. */
  readonly history?: string | undefined
}

/** Where an author belonged, and how long. */
export interface Membership extends Tenure {
  /** Id and name of the cluster. */
  readonly cluster: string
  readonly name: string
  /** Events of the file that say they are from before it was a member, and from after. */
  readonly before: number
  readonly after: number
}

/** Characters of all statements of a file, as of a file of `althing gov log --export`: no cluster has more. */
const MOST_CHARACTERS = 64 * 1024 * 1024

/** What a file, and perhaps another, says of a cluster. */
export class Authority {
  readonly #path: string
  readonly #node: string
  readonly #wanted: WantedAuthor
  readonly #mostCharacters: number
  #genesis: string | undefined
  #statements: string[] = []
  #characters = 0
  #known: { readonly log: Log; readonly tenure: Tenure | undefined; readonly missing: Missing | undefined } | undefined
  #before = 0
  #after = 0

  /** @param node who signed the file */
  constructor(path: string, node: string, wanted: WantedAuthor, mostCharacters = MOST_CHARACTERS) {
    this.#path = path
    this.#node = node
    this.#wanted = wanted
    this.#mostCharacters = mostCharacters
  }

  /** Takes a line of the file as it was parsed. @returns false when it is none of these */
  take(line: unknown): boolean {
    const genesis = AuditFileGenesis.safeParse(line)
    if (genesis.success) {
      if (this.#genesis !== undefined) throw new Error('it is a second genesis')
      this.#genesis = genesis.data.genesis
      return true
    }
    const statement = AuditFileStatement.safeParse(line)
    if (!statement.success) return false
    if (this.#genesis === undefined) throw new Error('it is a statement without a genesis before it')
    this.#characters += statement.data.statement.length
    if (this.#characters > this.#mostCharacters) throw new Error('there are more statements than a cluster can have')
    this.#statements.push(statement.data.statement)
    return true
  }

  /** Counts an event of the file by its time; all statements stand before the first. @throws CliError `not-proven` */
  count(atMs: number): void {
    const tenure = this.#genesis === undefined ? undefined : this.#read().tenure
    if (tenure === undefined) return
    if (atMs < tenure.fromMs - SKEW_MS) this.#before++
    if (atMs > tenure.untilMs + SKEW_MS) this.#after++
  }

  /**
   * Where the author belonged.
   * @returns undefined where the file says nothing of it, and nothing is wanted
   * @throws CliError `not-proven` where it was no member of the wanted cluster when it signed the head, or where an
   *   entry of the governance log is missing that later ones rest on
   */
  membershipOf(signedMs: number): Membership | undefined {
    const [path, node] = [this.#path, this.#node]
    const { cluster, history } = this.#wanted
    const refuse = (why: string): CliError =>
      new CliError('not-proven', `${shownWord(path)}: ${why}`, {
        fix: 'its events are as they were signed, but not by a member of that cluster at that time',
      })
    if (this.#genesis === undefined) {
      if (cluster === undefined && history === undefined) return undefined
      throw refuse(`it says of no cluster that ${node} belonged to it`)
    }
    const { log, tenure, missing } = this.#read()
    // Where others rest on it: the end of the log nobody can know who has only this.
    if (missing !== undefined && missing.waiting > 0)
      throw refuse(`entry ${missing.height} of the governance log, ${missing.hash}, was taken out of it`)
    if (cluster !== undefined && log.cluster !== cluster) throw refuse(`it is of a member of cluster ${log.cluster}`)
    const demanded = cluster !== undefined || history !== undefined
    if (tenure === undefined) {
      if (demanded) throw refuse(`nobody who may has let ${node} into cluster ${log.cluster}`)
      return undefined
    }
    const { fromMs, untilMs, ended } = tenure
    if (demanded && (signedMs < fromMs - SKEW_MS || signedMs > untilMs + SKEW_MS)) {
      const how = ended === undefined ? '' : ` (${ended.how}: ${ended.statement})`
      throw refuse(
        `it was signed ${new Date(signedMs).toISOString()}; ${node} was a member from ` +
          `${new Date(fromMs).toISOString()} to ${new Date(untilMs).toISOString()}${how}`,
      )
    }
    return { cluster: log.cluster, name: log.genesis.name, before: this.#before, after: this.#after, ...tenure }
  }

  /** Once, when all is there; what it was read from is let go. */
  #read() {
    if (this.#known !== undefined) return this.#known
    const path = this.#path
    const { history } = this.#wanted
    const others = history === undefined ? undefined : readHistoryFile(history, Date.now())
    const statements = [...this.#statements, ...(others?.statements.map(textOf) ?? [])]
    const { log, state, missing } = this.#judge(path, statements)
    if (others !== undefined && others.state.log.cluster !== log.cluster) {
      throw new CliError('other-cluster', `${shownWord(history!)} is of another cluster than ${shownWord(path)}`, {
        fix: 'ask a member of the same cluster for `althing gov log --export`',
      })
    }
    this.#statements = []
    return (this.#known = { log, tenure: tenureOf(state, this.#node), missing })
  }

  #judge(path: string, statements: string[]) {
    try {
      const { state, missing } = readHistory({ genesis: this.#genesis!, statements }, Date.now())
      return { log: state.log, state, missing }
    } catch (cause) {
      const why = messageOf(cause).slice(0, 200)
      throw new CliError('not-proven', `${shownWord(path)}: what it says of its cluster does not verify: ${why}`, {
        cause,
        fix: 'this file proves nothing; ask for another export from the node itself',
      })
    }
  }
}
