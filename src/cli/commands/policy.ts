/** `althing policy`: what this node lets run. */
import { createReadStream } from 'node:fs'
import type { Command } from 'commander'
import type { PolicyLevel } from '../../model/policy-levels.ts'
import type { PolicyExplanation, PolicyHistory, PolicyTrial, PolicyView } from '../../model/policy-api.ts'
import { contextOf } from '../context.ts'
import { usageError } from '../errors.ts'
import { drawFields } from '../fields.ts'
import { describeFileError } from '../files.ts'
import { count, formatClock } from '../format.ts'
import { OUT_HELP } from '../gov/words.ts'
import { filled, taskArgument } from '../options.ts'
import { printable, shownWord, type Paint } from '../terminal.ts'
import { whoAmI } from '../who-am-i.ts'

/** Well above what any policy may have. */
const MOST_READ_BYTES = 4 * 1024 * 1024
const YAML = 'application/yaml'
const file = filled('a file, such as ./policy.yaml')
const CLUSTER = 'of the cluster, which its admins sign'
const NO_POLICY: Readonly<Record<PolicyLevel, string>> = {
  node: 'this node has no policy of its own (--cluster and --network print those of its cluster)',
  cluster: 'the cluster has no policy',
  network: 'the cluster has agreed to no policy of a network',
}

const NETWORK = 'of the network of clusters, which the admins of each of them sign'

interface LevelOptions {
  cluster?: boolean
  network?: boolean
  out?: string
}

/** Whose policy is meant. @throws CliError usage */
function levelOf({ cluster, network }: LevelOptions): PolicyLevel {
  if (cluster === true && network === true) throw usageError('--cluster and --network are two policies: name one')
  return cluster === true ? 'cluster' : network === true ? 'network' : 'node'
}

/** Adds the command. */
export function register(program: Command): void {
  const policy = program
    .command('policy')
    .summary('what this node lets run')
    .description(
      'The policy of this node: which tasks it takes beside what the trust list says, and what happens to others; ' +
        'and those that the admins of its cluster signed, for it (--cluster) and for the network of clusters that it ' +
        'belongs to (--network). All must allow. ' +
        'Rules are written in CEL over task, submitter, node and cluster; docs/POLICY.md has them all.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  althing policy test policy.yaml\n  althing policy apply policy.yaml\n' +
        '  althing policy apply --cluster house.yaml\n  althing policy explain TASK',
    )
  policy
    .command('get')
    .summary('print the policy in force')
    .description('Print the file of the policy in force, as it was applied.')
    .option('--cluster', CLUSTER)
    .option('--network', NETWORK)
    .addHelpText('after', '\nExamples:\n  althing policy get > policy.yaml\n  althing policy get --json')
    .action(get)
  policy
    .command('apply')
    .summary('put a policy in force')
    .description(
      'Check a policy and put it in force. What it forbids is declined from now on; of what is here, tasks that have ' +
        'not started never do, and those that run are stopped or drained, as each rule says. With --cluster it is ' +
        'proposed to the admins of the cluster: with enough signatures each member enforces it.',
    )
    .argument('<file>', 'a YAML or JSON file, or - for stdin', file)
    .option('--cluster', CLUSTER)
    .option('--network', NETWORK)
    .option('--out <file>', OUT_HELP, filled('the path of a file'))
    .addHelpText(
      'after',
      '\nExamples:\n  althing policy apply policy.yaml\n  althing policy apply --cluster house.yaml --out p.json',
    )
    .action(apply)
  policy
    .command('test')
    .summary('try a policy on what was offered here')
    .description(
      'Check a policy, and show whose verdict it would change, of the jobs that were offered to this node last. ' +
        'Nothing is changed.',
    )
    .argument('<file>', 'a YAML or JSON file, or - for stdin', file)
    .option('--cluster', CLUSTER)
    .option('--network', NETWORK)
    .addHelpText('after', '\nExamples:\n  althing policy test policy.yaml\n  althing policy test --cluster house.yaml')
    .action(test)
  policy
    .command('history')
    .summary('list what was applied, when and by whom')
    .description('List what was applied and removed on this node, when and by whom, newest first.')
    .option('--cluster', CLUSTER)
    .option('--network', NETWORK)
    .addHelpText('after', '\nExamples:\n  althing policy history --json\n  althing policy history --cluster')
    .action(history)
  policy
    .command('explain')
    .summary('what each rule says of a task')
    .description(
      'Say what the policy in force says now of a task that was offered to this node, runs here or was submitted here.',
    )
    .argument('<task>', 'its id, or the beginning of it', taskArgument)
    .addHelpText('after', '\nExample:\n  althing policy explain TASK')
    .action(explain)
  policy
    .command('remove')
    .summary('take the policy out of force')
    .description(
      'Take the policy out of force. Those of the other levels, the trust list and the roster go on to decide.',
    )
    .option('--cluster', CLUSTER)
    .option('--network', NETWORK)
    .option('--out <file>', OUT_HELP, filled('the path of a file'))
    .addHelpText('after', '\nExamples:\n  althing policy remove\n  althing policy remove --cluster')
    .action(remove)
}

async function get(options: LevelOptions, command: Command): Promise<void> {
  const { client, json, printJson, note } = contextOf(command)
  const view = await client.get<PolicyView>(`/v1/policy?${new URLSearchParams({ level: levelOf(options) }).toString()}`)
  if (json) return printJson(view)
  if (view.text === undefined) {
    return note(`althing: ${NO_POLICY[levelOf(options)]}`)
  }
  process.stdout.write(view.text.endsWith('\n') ? view.text : `${view.text}\n`)
  if (view.unusable !== undefined)
    note(`althing: it cannot be used, and everything is refused: ${printable(view.unusable)}`)
}

async function apply(path: string, options: LevelOptions, command: Command): Promise<void> {
  const { client, json, print, printJson } = contextOf(command)
  const level = levelOf(options)
  if (level !== 'node') {
    const { proposePolicy } = await import('../gov/policy.ts')
    return proposePolicy(contextOf(command), level, await read(path), shownName(path), options.out)
  }
  const query = new URLSearchParams({ file: shownName(path), by: whoAmI() }).toString()
  const view = await client.send<PolicyView>(`/v1/policy?${query}`, YAML, await read(path))
  if (json) return printJson(view)
  print(`${view.policy!.name}, version ${view.policy!.version}: ${count(view.policy!.rules, 'rule')} in force`)
  if (view.stopped.length > 0) print(`stopping ${count(view.stopped.length, 'task')}: ${view.stopped.join(', ')}`)
}

async function remove(options: LevelOptions, command: Command): Promise<void> {
  const { client, json, print, printJson } = contextOf(command)
  const level = levelOf(options)
  if (level !== 'node') {
    const { proposeNoPolicy } = await import('../gov/policy.ts')
    return proposeNoPolicy(contextOf(command), level, options.out)
  }
  const view = await client.delete<PolicyView>(`/v1/policy?${new URLSearchParams({ by: whoAmI() }).toString()}`)
  if (json) printJson(view)
  else print('this node has no policy of its own any more')
}

async function test(path: string, options: LevelOptions, command: Command): Promise<void> {
  const { client, json, paint, print, printJson } = contextOf(command)
  const query = new URLSearchParams({ file: shownName(path), level: levelOf(options) }).toString()
  const trial = await client.send<PolicyTrial>(`/v1/policy/test?${query}`, YAML, await read(path))
  if (json) return printJson(trial)
  const { offers, stillAllowed, stillRefused, changes, leftOut } = trial
  for (const change of changes) {
    const job = `${change.jobId} of ${change.submitterName}: ${change.command.join(' ')}`
    print(`${formatClock(change.atMs)}  ${printable(job)}`)
    for (const [when, { allowed, why }] of [
      ['now', change.before],
      ['then', change.after],
    ] as const)
      print(`  ${when.padEnd(4)}  ${verdict(allowed, paint)}: ${printable(why.join('; '))}`)
  }
  const would = `${count(changes.length + leftOut, 'verdict')} would change`
  const said = `${stillAllowed} still allowed, ${stillRefused} still refused`
  print(`${would}, of ${count(offers, 'job')} that were offered here; ${said}`)
}

async function history(options: LevelOptions, command: Command): Promise<void> {
  const { client, json, printJson, printTable } = contextOf(command)
  const found = await client.get<PolicyHistory>(
    `/v1/policy/history?${new URLSearchParams({ level: levelOf(options) }).toString()}`,
  )
  if (json) return printJson(found)
  printTable(
    [
      { title: 'VERSION', align: 'right' },
      { title: 'WHEN' },
      { title: 'BY' },
      { title: 'POLICY' },
      { title: 'SHA256' },
    ],
    found.versions.map(({ version, atMs, by, name, sha256 }) => [
      String(version),
      new Date(atMs).toISOString(),
      printable(by) || '-',
      name === '' ? 'removed' : name,
      sha256.slice(0, 12) || '-',
    ]),
  )
}

async function explain(task: string, _options: object, command: Command): Promise<void> {
  const { client, json, paint, print, printJson } = contextOf(command)
  const found = await client.get<PolicyExplanation>(`/v1/tasks/${encodeURIComponent(task)}/policy`)
  if (json) return printJson(found)
  const { jobId, submitterName, command: words, verdict: said, rules, answered } = found
  print(
    drawFields(
      [
        ['job', jobId],
        ['submitter', submitterName],
        ['command', words.join(' ')],
        ['verdict', `${said.allowed ? 'allowed' : 'refused'}: ${said.why.join('; ')}`],
        ['answered', answered && describeAnswer(answered)],
      ],
      paint,
    ),
  )
  for (const { level, policy } of new Map(rules.map((one) => [one.level, one])).values()) {
    print(printable(`${level} policy ${policy}`))
    for (const { rule, wanted, outcome, saw } of rules.filter((one) => one.level === level))
      print(printable(`  ${outcome.padEnd(7)}  ${rule}: ${wanted}${saw === '' ? '' : ` (${saw})`}`))
  }
}

function describeAnswer({ atMs, reasons }: NonNullable<PolicyExplanation['answered']>): string {
  return `${formatClock(atMs)} ${reasons.length === 0 ? 'with a bid' : `declined: ${reasons.join('; ')}`}`
}

function verdict(allowed: boolean, paint: Paint): string {
  return allowed ? paint('green', 'allowed') : paint('red', 'refused')
}

function shownName(path: string): string {
  return path === '-' ? 'stdin' : path
}

async function read(path: string): Promise<Buffer> {
  try {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of path === '-' ? process.stdin : createReadStream(path)) {
      chunks.push(chunk as Buffer)
      size += (chunk as Buffer).length
      // The daemon says how large a policy may be; what goes on beyond any is not read to its end.
      if (size > MOST_READ_BYTES) break
    }
    return Buffer.concat(chunks)
  } catch (error) {
    throw usageError(`${shownWord(path)}: cannot be read: ${describeFileError(error)}`)
  }
}
