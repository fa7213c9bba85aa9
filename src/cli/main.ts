/**
 * `althing`: reads the command line and hands it to one command.
 *
 * Only the module of the command that is asked for is loaded; the daemon is a program of its own
 * that `up` brings in. That keeps `althing nodes` fast.
 */
import { Command, CommanderError } from 'commander'
import { VERSION } from '../node/version.ts'
import { addShared, wantsJson } from './context.ts'
import { EXIT, usageError } from './errors.ts'
import { nameFaults } from './options.ts'
import { watchPipes } from './pipes.ts'
import { report, reportAsJson, reportsJson } from './report.ts'
import { shownWord } from './terminal.ts'

interface CommandModule {
  /** Adds the command to the program. */
  register(program: Command): void
}

/** In the order `althing --help` lists them. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  up: () => import('./commands/up.ts'),
  down: () => import('./commands/down.ts'),
  status: () => import('./commands/status.ts'),
  nodes: () => import('./commands/nodes.ts'),
  node: () => import('./commands/node.ts'),
  topology: () => import('./commands/topology.ts'),
  cordon: () => import('./commands/cordon.ts'),
  uncordon: () => import('./commands/uncordon.ts'),
  drain: () => import('./commands/drain.ts'),
  find: () => import('./commands/find.ts'),
  run: () => import('./commands/run.ts'),
  ps: () => import('./commands/ps.ts'),
  logs: () => import('./commands/logs.ts'),
  wait: () => import('./commands/wait.ts'),
  output: () => import('./commands/output.ts'),
  cancel: () => import('./commands/cancel.ts'),
  wards: () => import('./commands/wards.ts'),
  why: () => import('./commands/why.ts'),
  init: () => import('./commands/init.ts'),
  invite: () => import('./commands/invite.ts'),
  join: () => import('./commands/join.ts'),
  leave: () => import('./commands/leave.ts'),
  clusters: () => import('./commands/clusters.ts'),
  member: () => import('./commands/member.ts'),
  gov: () => import('./commands/gov.ts'),
  trust: () => import('./commands/trust.ts'),
  token: () => import('./commands/token.ts'),
  policy: () => import('./commands/policy.ts'),
  config: () => import('./commands/config.ts'),
  apply: () => import('./commands/apply.ts'),
  events: () => import('./commands/events.ts'),
  audit: () => import('./commands/audit.ts'),
  doctor: () => import('./commands/doctor.ts'),
}

const EXAMPLES = `
Examples:
  althing up                             start this machine's daemon
  althing up --join /ip4/10.0.0.5/tcp/4100/p2p/12D3KooW…
  althing nodes -l zone=attic            who is there
  althing run --cpu 2 --input ./data -- wc -w data/a.txt
  althing why TASK                       how a task was placed

Under --json an error is one line of JSON on stderr, with the members of RFC 9457.
Exit codes: 0 done, 1 failed, 2 wrong usage; for \`run\` see \`althing run --help\`.`

/** Options before the command that take a value. */
const VALUED = new Set(['--data-dir', '--socket', '--api', '--token-file', '--ca', '--in'])

/** The command's name on the line, or undefined when help or nothing is asked for. */
function commandOf(args: readonly string[]): string | undefined {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!
    if (!arg.startsWith('-')) return arg
    if (VALUED.has(arg)) index++
  }
  return undefined
}

async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('althing')
    .description('A server-less mesh of the machines you already have: peers bargain over who runs what.')
    .version(VERSION, '-V, --version', 'print the version')
    .usage('<command> [options]')
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'althing: ')),
      // What it has to say is reported as a whole then.
      writeErr: (text) => void (reportsJson() || process.stderr.write(text)),
    })
    .hook('preAction', (_program, command) => reportAsJson(wantsJson(command)))
    .showHelpAfterError('Try `althing --help`.')
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES)
    .exitOverride()
  addHelpCommand(addShared(program))
  nameFaults(program)
  const wanted = commandOf(args) ?? ''
  const loaders = Object.hasOwn(COMMANDS, wanted) ? [COMMANDS[wanted]!] : Object.values(COMMANDS)
  for (const { register } of await Promise.all(loaders.map((load) => load()))) register(program)
  for (const command of program.commands) finish(command)
  return program
}

/** What all commands have in common. */
function finish(command: Command): void {
  addShared(command)
  nameFaults(command)
  command.exitOverride().showHelpAfterError(`Try \`althing ${pathOf(command)} --help\`.`)
  if (command.commands.length > 0) addHelpCommand(command)
  for (const sub of command.commands) finish(sub)
}

function addHelpCommand(command: Command): void {
  command.helpCommand('help [command]', 'show the help of a command')
}

function pathOf(command: Command): string {
  return command.parent?.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

/** Commander answers `help WORD` with the help of everything when it does not know the word. */
function refuseUnknownHelp([help, word]: readonly string[]): void {
  if (help !== 'help' || word === undefined || word.startsWith('-') || Object.hasOwn(COMMANDS, word)) return
  if (word !== 'help') throw usageError(`unknown command ${shownWord(word)}`, '`althing help` lists the commands')
}

function wordsOf({ code, message }: CommanderError): string {
  return code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '')
}

/** Runs one command line. @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
    process.stdout.write(`${VERSION}\n`)
    return EXIT.ok
  }
  // Until the command line is read; `run` has words behind its own.
  const end = args.indexOf('--')
  reportAsJson(args.slice(0, end < 0 ? args.length : end).includes('--json'))
  try {
    refuseUnknownHelp(args)
    const program = await buildProgram(args)
    await program.parseAsync(args.length === 0 ? ['--help'] : [...args], { from: 'user' })
    return Number(process.exitCode ?? EXIT.ok)
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(error)
    if (error.exitCode === 0) return EXIT.ok
    // Commander has printed its message already, but for JSON.
    return reportsJson() ? report(usageError(wordsOf(error))) : EXIT.usage
  }
}

watchPipes()
void main(process.argv.slice(2)).then((code) => (process.exitCode = code))
