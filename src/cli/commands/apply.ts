/** `althing apply -f FILE`: publishes passports. */
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import type { PassportsAccepted } from '../../model/api.ts'
import { messageOf } from '../../util/errors.ts'
import { contextOf } from '../context.ts'
import { CliError } from '../errors.ts'
import { collect } from '../options.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('apply')
    .summary('publish passports')
    .description('Check the passports of YAML files and publish them in the name of this node.')
    .requiredOption('-f, --file <file>', 'a file, or - for stdin; may be given again', collect)
    .addHelpText('after', '\nExample:\n  althing apply -f writer-passport.yaml')
    .action(async ({ file: files }: { file: string[] }, command: Command) => {
      const { client, json, print, printJson } = contextOf(command)
      const published: string[] = []
      for (const file of files) {
        const path = `/v1/passports?${new URLSearchParams({ file: file === '-' ? 'stdin' : file }).toString()}`
        const accepted = await client.send<PassportsAccepted>(path, 'application/yaml', await read(file))
        published.push(...accepted.published)
      }
      if (json) return printJson({ published })
      for (const name of published) print(name)
    })
}

async function read(file: string): Promise<Buffer> {
  try {
    return file === '-' ? await buffer(process.stdin) : await readFile(file)
  } catch (error) {
    throw new CliError('unreadable', `cannot read ${file}: ${messageOf(error)}`, { cause: error })
  }
}
