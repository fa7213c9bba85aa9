/** `althing audit`: what was written down, and whether it still is what was written. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { TaskView } from '../../model/api.ts'
import type { AuditPage, AuditProofView, AuditStory, AuditVerdict } from '../../model/audit-view.ts'
import { auditTypes } from '../../model/audit.ts'
import { isPeerId } from '../../model/peer-id.ts'
import { verifyFile, type ProvenFile } from '../audit/file.ts'
import {
  detailsOf,
  EVENT_COLUMNS,
  eventRow,
  isSound,
  STORY_COLUMNS,
  storyNotes,
  storyRows,
  VERDICT_COLUMNS,
  verdictRows,
} from '../audit/show.ts'
import { contextOf, type Context } from '../context.ts'
import { describeMembership, describeStatement } from '../audit/statements.ts'
import type { WantedAuthor } from '../audit/author.ts'
import { CliError, EXIT, usageError } from '../errors.ts'
import { unwritable } from '../files.ts'
import { checked, duration, filled, integer, taskArgument } from '../options.ts'
import { shownWord } from '../terminal.ts'
import { daemonGone } from '../transport.ts'
import { taskPath } from '../views.ts'

const TEN_YEARS_MS = 10 * 365 * 86_400_000
const MAX_LISTED = 1_000_000
const DEFAULT_LISTED = 100

const since = duration(1, TEN_YEARS_MS)
const type = checked((text) =>
  auditTypes().some((known) => known.startsWith(text)) && text !== ''
    ? undefined
    : `expected a type or the beginning of one: ${families().join(', ')}`,
)
const peerId = checked((text) =>
  isPeerId(text) ? undefined : 'expected a peer id, as `althing audit verify` prints it',
)

/** What types begin with. */
function families(): string[] {
  return [...new Set(auditTypes().map((each) => each.slice(0, each.indexOf('.'))))]
}

const clusterId = checked((text) =>
  /^[0-9a-f]{64}$/.test(text) ? undefined : 'expected 64 hex digits, as `althing gov log` prints the id',
)

interface WantedFile extends WantedAuthor {
  readonly node?: string | undefined
}

interface ListOptions {
  readonly task?: string
  readonly since?: number
  readonly type?: string
  readonly limit: number
}

/** Adds the command. */
export function register(program: Command): void {
  const audit = program
    .command('audit')
    .summary('what was written down, and whether it still is')
    .description(
      'The audit log of this node: what it did, saw and was told, each event a leaf of a Merkle tree (RFC 6962) ' +
        'whose root its heartbeats carry. Whoever rewrites it is found by those who heard an earlier root.',
    )
    .addHelpText('after', '\nExamples:\n  althing audit list --since 1h\n  althing audit verify')
  addReading(audit)
  addVerifying(audit)
}

function addReading(audit: Command): void {
  audit
    .command('list')
    .summary('list events, the newest first')
    .description(
      'List events, the newest first. With --task the whole story of a task: what this node wrote of it and what ' +
        'each node involved proves to have written, in the order of their clocks.',
    )
    .option('--task <task>', 'the story of this task, from all nodes involved', taskArgument)
    .option('--since <duration>', 'only events that are not older: 90s, 2h, 7d', since)
    .option('--type <type>', 'only this type, or those that begin so: run, offer.sent', type)
    .option('--limit <count>', 'events at most', integer(1, MAX_LISTED, 500), DEFAULT_LISTED)
    .addHelpText(
      'after',
      '\nExamples:\n  althing audit list --since 1h --type run\n  althing audit list --task TASK --json',
    )
    .action((options: ListOptions, command: Command) => {
      const context = contextOf(command)
      if (options.task === undefined) return list(context, options)
      if (options.since !== undefined || options.type !== undefined)
        throw usageError('--task tells the whole story: it goes with neither --since nor --type')
      return story(context, options.task)
    })
  audit
    .command('show')
    .summary('print one event and its proof')
    .description('Print one event with its audit path and the signed head that the path leads to.')
    .argument('<id>', 'the number that `althing audit list` shows', integer(0, Number.MAX_SAFE_INTEGER, 12))
    .addHelpText('after', '\nExample:\n  althing audit show 12 --json')
    .action(async (id: number, _options: object, command: Command) => {
      const { client, json, print, printJson } = contextOf(command)
      const proof = await client.get<AuditProofView>(`/v1/audit/events/${id}`)
      if (json) return printJson(proof)
      print(`${proof.event.type} ${detailsOf(proof.event)}`)
      for (const line of await describeStatement(client, proof.event)) print(line)
      print(`event ${proof.position} of ${proof.size}, ${new Date(proof.event.atMs).toISOString()}`)
      print(`root ${proof.root}, signed by ${proof.node}`)
      for (const hash of proof.path) print(`  ${hash}`)
    })
}

function addVerifying(audit: Command): void {
  audit
    .command('verify')
    .summary("verify this node's log, or an exported one")
    .description(
      'Without a file: read the whole log of this node and hold it against its root, against the roots that ' +
        'neighbours heard of it, and the logs of neighbours against those that were heard here. With a file: verify ' +
        'an exported log, without any daemon. That proves that the node with the printed peer id signed this log, ' +
        'complete from its first event on; not that what it wrote is true, nor that the node is the one you mean: ' +
        'give --node for that, or --cluster with the id of a cluster, of which it must have been a member then.',
    )
    .argument('[file]', 'what `althing audit export` wrote', filled('a file'))
    .option('--node <peer>', 'the peer id that must have signed the file', peerId)
    .option('--cluster <id>', 'the id (hash of the genesis) of the cluster a member of which must have', clusterId)
    .option(
      '--history <file>',
      'what another member knows of it: a file of `althing gov log --export`',
      filled('a file'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  althing audit verify\n  althing audit verify log.ndjson --node 12D3KooW…\n' +
        '  althing audit verify log.ndjson --cluster 3f9a… --history history.json',
    )
    .action((file: string | undefined, { node, cluster, history }: WantedFile, command: Command) => {
      const context = contextOf(command)
      const wanted = { node, cluster, history }
      if (file !== undefined) return verifyExported(context, file, wanted)
      const [given] = Object.entries(wanted).flatMap(([name, value]) => (value === undefined ? [] : [name]))
      if (given !== undefined) throw usageError(`--${given} says who must have signed a file`, 'name the file')
      return verify(context)
    })
  audit
    .command('export')
    .summary('write the log to a file that verifies elsewhere')
    .description('Write the log, with the signed head and what stands for what is left out, to a file.')
    .argument('<file>', 'where to; replaced when it is there', filled('a file'))
    .option('--since <duration>', 'only events that are not older: 90s, 2h, 7d', since)
    .addHelpText('after', '\nExample:\n  althing audit export --since 7d log.ndjson')
    .action(async (file: string, options: { since?: number }, command: Command) => {
      const context = contextOf(command)
      const query = options.since === undefined ? '' : `?since=${Date.now() - options.since}`
      printFile(context, file, await save(context, `/v1/audit/export${query}`, file))
    })
  audit
    .command('accept')
    .summary('believe the log of a node again')
    .description(
      'End the alarm over the log of a node, once you know why it contradicted itself: its disk was lost, or put ' +
        'back from a backup. Its next root is believed as if it were the first. The acceptance is itself written down.',
    )
    .argument('<peer>', 'its peer id, as `althing audit verify` prints it', peerId)
    .addHelpText('after', '\nExample:\n  althing audit accept 12D3KooW…')
    .action(async (peer: string, _options: object, command: Command) => {
      const { client, json, print, printJson } = contextOf(command)
      const accepted = await client.delete(`/v1/audit/alarms/${encodeURIComponent(peer)}`)
      if (json) printJson(accepted)
      else print(peer)
    })
}

/** Page by page, since the daemon gives a thousand at a time. */
async function list({ client, json, printJson, printTable }: Context, options: ListOptions): Promise<void> {
  const entries: AuditPage['entries'] = []
  let before: number | undefined
  do {
    const query = new URLSearchParams({
      limit: String(Math.min(1_000, options.limit - entries.length)),
      ...(before !== undefined && { before: String(before) }),
      ...(options.since !== undefined && { since: String(Date.now() - options.since) }),
      ...(options.type !== undefined && { type: options.type }),
    })
    const page: AuditPage = await client.get(`/v1/audit/events?${query.toString()}`)
    entries.push(...page.entries)
    before = page.next
  } while (before !== undefined && entries.length < options.limit)
  if (json) return printJson(entries)
  printTable(
    EVENT_COLUMNS,
    entries.map(({ position, event }) => eventRow(position, event)),
  )
}

async function story({ client, json, printJson, printTable, note }: Context, task: string): Promise<void> {
  // A task that nobody remembers any more may still be in the log, by its whole id.
  const known = await client.get<TaskView>(taskPath(task)).catch((error: unknown) => {
    if (error instanceof CliError && error.code === 'not-found') return undefined
    throw error
  })
  const taskId = known?.taskId ?? task
  const found = await client.get<AuditStory>(`/v1/audit/tasks/${encodeURIComponent(taskId)}`)
  if (found.parts.some(({ outcome }) => outcome === 'unproven')) process.exitCode = EXIT.failure
  if (json) return printJson(found)
  printTable(STORY_COLUMNS, storyRows(found))
  for (const text of storyNotes(found)) note(`althing: ${text}`)
}

async function verify({ client, json, paint, print, printJson, printTable }: Context): Promise<void> {
  const verdict = await client.post<AuditVerdict>('/v1/audit/verifications')
  if (!isSound(verdict)) process.exitCode = EXIT.failure
  if (json) return printJson(verdict)
  const { node, size, oldest, root, problems, alarms } = verdict
  print(`${node}: events ${oldest} to ${size - 1}, root ${root}`)
  if (problems.length === 0) print(paint('green', 'the log is as it was written'))
  for (const problem of problems) print(paint('red', `NOT AS WRITTEN: ${problem}`))
  if (verdict.others.length > 0) printTable(VERDICT_COLUMNS, verdictRows(verdict))
  for (const { name, peer, what, atMs, firstSize, secondSize } of alarms) {
    const sizes = `${firstSize} events then, ${secondSize} later`
    print(paint('red', `ALARM since ${new Date(atMs).toISOString()}: ${name} (${peer}) is ${what}: ${sizes}`))
  }
}

async function verifyExported(context: Context, file: string, { node, ...wanted }: WantedFile): Promise<void> {
  const proven = await verifyFile(file, wanted)
  if (node !== undefined && proven.node !== node) {
    throw new CliError('not-proven', `${shownWord(file)} is signed by ${proven.node}, not by ${node}`, {
      fix: 'it verifies, but it is the log of another node',
    })
  }
  printFile(context, file, proven)
}

function printFile({ json, print, printJson }: Context, file: string, proven: ProvenFile): void {
  const { node, from, size, events, root, sinceMs, untilMs, membership } = proven
  if (json) return printJson({ file, ...proven })
  const range = events === 0 ? 'no events' : `${events} events, ${from} to ${size - 1}`
  print(`${file}: ${range}, as ${node} signed them`)
  if (sinceMs !== undefined && untilMs !== undefined)
    print(`from ${new Date(sinceMs).toISOString()} to ${new Date(untilMs).toISOString()} by its clock`)
  print(`root ${root}`)
  if (membership !== undefined) for (const line of describeMembership(membership)) print(line)
}

/** Beside it first: a transfer that breaks, or what does not verify, leaves what was there. */
async function save({ client }: Context, path: string, file: string): Promise<ProvenFile> {
  const beside = `${file}.${process.pid}.part`
  const response = await client.open(path)
  try {
    await pipeline(response, createWriteStream(beside, { mode: 0o600 }))
    const proven = await verifyFile(beside)
    await rename(beside, file)
    return proven
  } catch (error) {
    await rm(beside, { force: true })
    if (error instanceof CliError) throw error
    throw (error as NodeJS.ErrnoException).code === 'ECONNRESET' ? daemonGone(error) : unwritable(file, error)
  }
}
