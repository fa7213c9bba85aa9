/** `althing token`: who else may use this daemon's API. */
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import type { Command } from 'commander'
import {
  ACCESS_ROLES,
  faultOfTenant,
  faultOfTenantRole,
  faultOfTokenName,
  type AccessRole,
} from '../../model/access.ts'
import type { TokenCreated, TokenView } from '../../model/access-view.ts'
import { contextOf } from '../context.ts'
import { usageError } from '../errors.ts'
import { describeFileError, unwritable } from '../files.ts'
import { formatDuration } from '../format.ts'
import { checked, duration, filled, oneOf } from '../options.ts'
import type { Cell } from '../table.ts'
import { shownWord } from '../terminal.ts'

/** As the API takes them: written out, since its schemas cost a command 30 ms. A test compares. */
export const TTL_MS = { least: 1_000, most: 3_650 * 86_400_000 }

interface CreateOptions {
  name: string
  role: AccessRole
  tenant?: string
  ttl?: number
  out?: string
}

/** Adds the command. */
export function register(program: Command): void {
  const token = program
    .command('token')
    .summary('who else may use the API of this daemon')
    .description(
      'Tokens for the API of this daemon, each with a role: viewer reads, submitter runs and ends its own work, ' +
        "operator changes policy and passports and ends anybody's work, admin does everything. With a tenant it sees " +
        "that tenant's work alone.",
    )
    .addHelpText(
      'after',
      '\nExamples:\n  althing token create --name ci --role submitter --ttl 24h\n  althing token list',
    )
  token
    .command('create')
    .summary('make a token, and print it this once')
    .description('Make a token, and print it: the daemon keeps nothing by which it could be told again.')
    .requiredOption('--name <name>', 'what it is called in lists', checked(faultOfTokenName))
    .requiredOption('--role <role>', ACCESS_ROLES.join(', '), oneOf(ACCESS_ROLES))
    .option('--tenant <name>', 'sees and runs the work of this tenant alone', checked(faultOfTenant))
    .option('--ttl <duration>', 'how long it lives (default: 90d)', duration(TTL_MS.least, TTL_MS.most))
    .option('--out <file>', 'write it to a new file that only this user can read', filled('a file, such as ./ci.token'))
    .addHelpText(
      'after',
      '\nExamples:\n  althing token create --name ci --role submitter --ttl 24h --out ci.token\n' +
        '  althing token create --name grafana --role viewer\n' +
        '  althing token create --name a-ci --role submitter --tenant team-a --json',
    )
    .action(create)
  token
    .command('list')
    .summary('print the tokens')
    .description('Print the tokens there are: who may use the API, since when, until when, and when they last did.')
    .option('-a, --all', 'also those that expired or were revoked in the last 30 days')
    .addHelpText('after', '\nExamples:\n  althing token list\n  althing token list --all --json')
    .action(list)
  token
    .command('revoke')
    .summary('end a token, and whatever it has open')
    .description('End a token at once, with whatever it has open: events and logs that are followed are cut.')
    .argument('<token>', 'its name or id, as `althing token list` prints it', filled('the name or id of a token'))
    .addHelpText('after', '\nExample:\n  althing token revoke ci')
    .action(async (named: string, _options: object, command: Command) => {
      const { client, json, printJson, note } = contextOf(command)
      const revoked = await client.delete<TokenView>(`/v1/tokens/${encodeURIComponent(named)}`)
      if (json) return printJson(revoked)
      note(`althing: token ${revoked.name} is revoked`)
    })
}

async function create(options: CreateOptions, command: Command): Promise<void> {
  const { name, role, tenant, ttl, out } = options
  const fault = faultOfTenantRole(role, tenant)
  if (fault !== undefined) throw usageError(fault)
  const { client, json, printJson, print, note } = contextOf(command)
  // Opened before there is a token: one that could be written nowhere would have to be revoked.
  const file = out === undefined ? undefined : openNew(out)
  const request = { name, role, ...(tenant !== undefined && { tenant }), ...(ttl !== undefined && { ttlMs: ttl }) }
  const made = await client.post<TokenCreated>('/v1/tokens', request).catch((error: unknown) => {
    if (out !== undefined) unlinkSync(out)
    throw error
  })
  if (file !== undefined) {
    try {
      writeSync(file, `${made.token}\n`)
      closeSync(file)
    } catch (error) {
      note(`althing: token ${name} (${made.id}), which nobody has seen, is revoked`)
      unlinkSync(out!)
      await client.delete(`/v1/tokens/${encodeURIComponent(made.id)}`)
      throw unwritable(out!, error)
    }
  }
  const { token, ...view } = made
  if (json) return printJson(file === undefined ? { ...view, token } : view)
  note(`althing: token ${name} (${made.id}) lives ${formatDuration(made.expiresAtMs - made.createdAtMs)}`)
  if (file === undefined) print(token)
}

function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it exists already' : describeFileError(error)
    throw usageError(`--out ${shownWord(path)}: ${why}; expected a new file, such as ./ci.token`)
  }
}

async function list({ all = false }: { all?: boolean }, command: Command): Promise<void> {
  const { client, json, printJson, printTable } = contextOf(command)
  const tokens = await client.get<TokenView[]>('/v1/tokens')
  const shown = all ? tokens : tokens.filter(({ state }) => state === 'live')
  if (json) return printJson(shown)
  const nowMs = Date.now()
  const ago = (atMs: number | undefined): string => (atMs === undefined ? '-' : `${formatDuration(nowMs - atMs)} ago`)
  const rows = shown.map(({ id, name, role, tenant, state, createdAtMs, expiresAtMs, usedAtMs }): Cell[] => [
    name,
    role,
    tenant ?? '-',
    state === 'live' ? `live for ${formatDuration(expiresAtMs - nowMs)}` : { text: state, style: 'yellow' },
    ago(createdAtMs),
    ago(usedAtMs),
    id,
  ])
  const titles = ['NAME', 'ROLE', 'TENANT', 'STATE', 'MADE', 'USED', 'ID']
  printTable(
    titles.map((title) => ({ title, whole: title === 'ID' })),
    rows,
  )
}
