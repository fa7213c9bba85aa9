/** `althing doctor`: what is wrong here, or between this host and another. */
import type { Command } from 'commander'
import { readPlace } from '../../diagnosis/target.ts'
import type { DoctorStep, ReachabilityView } from '../../model/doctor.ts'
import { localContextOf, type Context } from '../context.ts'
import { examineMachine, examineMulticast, findDaemon } from '../doctor/host.ts'
import { examineOffline } from '../doctor/offline.ts'
import { drawMatrix, drawVerdict, StepLines } from '../doctor/show.ts'
import { CliError, EXIT, usageError } from '../errors.ts'
import { checked } from '../options.ts'
import { readNdjson } from '../streams.ts'

/** Longer than the daemon takes at most. */
const PATIENCE_MS = 20_000

/** Node names are DNS names, and peer ids letters and digits: whatever is neither must be an address. */
const target = checked((text) =>
  /^[A-Za-z0-9._-]{1,253}$/.test(text) || (text.length <= 400 && readPlace(text) !== undefined)
    ? undefined
    : 'expected a node, a host or an address, such as attic, 10.0.0.5:4100 or /ip4/10.0.0.5/tcp/4100',
)

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('doctor')
    .summary('what is wrong here, or between here and another host')
    .description(
      'Look for what keeps machines from finding each other. Without a name this host is examined; with one the way ' +
        'to that node or address, step by step: name, TCP, handshake, protocol, cluster, clocks, probes, records, ' +
        'multicast, and whether the path is direct. What is broken is shown with its cause and what to do. It works ' +
        'without a daemon too, as far as it gets. A host that can be linked to stays linked.',
    )
    .argument('[node]', "a node's name or peer id, HOST:PORT, or an address as `althing status` prints it", target)
    .option('--matrix', 'only who reaches whom in the mesh, as each neighbour of this node tells it')
    .addHelpText(
      'after',
      '\nExamples:\n  althing doctor\n  althing doctor attic\n  althing doctor 10.0.0.5:4100\n' +
        '  althing doctor --matrix --json\n\nExit codes: 0 nothing is broken, 1 something is, 2 wrong usage.',
    )
    .action(doctor)
}

async function doctor(word: string | undefined, { matrix }: { matrix?: true }, command: Command): Promise<void> {
  if (word !== undefined && matrix === true) {
    throw usageError('--matrix is of the whole mesh and takes no node', '`althing doctor --matrix`')
  }
  const context = localContextOf(command)
  if (matrix === true) {
    const view = await askMatrix(context)
    return context.json ? context.printJson(view) : printMatrix(context, view)
  }
  const steps: DoctorStep[] = []
  const lines = new StepLines(context.paint)
  const print = (texts: readonly string[]): void => {
    if (!context.json) for (const text of texts) context.print(text)
  }
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const progress = progressOf(context)
  process.once('SIGINT', () => {
    progress.clear()
    process.exit(EXIT.interrupted)
  })
  progress.show()
  for await (const step of stepsOf(context, word, signal)) {
    steps.push(step)
    progress.clear()
    print(lines.add(step))
    progress.show()
  }
  progress.clear()
  print(lines.rest())
  const isUp = steps[0]?.id !== 'daemon' || steps[0].outcome !== 'broken'
  const view = word === undefined && isUp ? await askMatrix(context) : undefined
  if (steps.some(({ outcome }) => outcome === 'broken')) process.exitCode = EXIT.failure
  if (context.json) return context.printJson({ steps, ...(view !== undefined && { reachability: view }) })
  if (view !== undefined && view.rows.length > 1) {
    context.print('')
    printMatrix(context, view)
  }
  context.print(`\n${drawVerdict(steps, context.paint)}`)
}

async function* stepsOf(context: Context, word: string | undefined, signal: AbortSignal): AsyncGenerator<DoctorStep> {
  const daemon = await findDaemon(context, signal)
  const isUp = daemon.outcome !== 'broken'
  // Of a pair it is only of interest when there is none to examine it.
  if (word === undefined || !isUp) yield daemon
  if (word === undefined) yield* examineMachine(context.paths.dataDir)
  if (isUp) return yield* askDaemon(context, word, signal)
  if (word !== undefined) yield* examineOffline(word, signal)
  yield await examineMulticast(signal)
}

async function* askDaemon(
  { client }: Context,
  word: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<DoctorStep> {
  const asked = client.open('/v1/examinations', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(word === undefined ? {} : { target: word }),
    signal,
  })
  yield* readNdjson<DoctorStep>(await inTime(asked))
}

function askMatrix({ client }: Context): Promise<ReachabilityView> {
  return inTime(client.get<ReachabilityView>('/v1/reachability', AbortSignal.timeout(PATIENCE_MS)))
}

/** A daemon that hangs is named as such. @throws CliError `timeout` */
async function inTime<Value>(asked: Promise<Value>): Promise<Value> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))) throw error
    throw new CliError('timeout', `the daemon did not answer within ${PATIENCE_MS / 1_000} s`, {
      cause: error,
      fix: '`althing status` shows whether it answers at all',
    })
  }
}

function printMatrix({ printTable, note }: Context, view: ReachabilityView): void {
  const { columns, rows, notes } = drawMatrix(view)
  printTable(columns, rows)
  for (const text of notes) note(`althing: ${text}`)
}

/** A line that says that it goes on, for whoever watches a terminal; nothing elsewhere. */
function progressOf({ json }: Context): { show(): void; clear(): void } {
  if (json || !process.stderr.isTTY) return { show: () => {}, clear: () => {} }
  return {
    show: () => void process.stderr.write('examining …'),
    // Back to the first column, and what stood there is erased: ECMA-48, CR and EL.
    clear: () => void process.stderr.write('\r\u001b[K'),
  }
}
