/** `althing apply -f FILE`: publishes passports. */
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import type { PassportsAccepted } from '../../model/api.ts'
import { contextOf } from '../context.ts'
import { usageError } from '../errors.ts'
import { describeFileError } from '../files.ts'
import { each, filled } from '../options.ts'
import { shownWord } from '../terminal.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('apply')
    .summary('publish passports')
    .description('Check the passports of YAML files and publish them in the name of this node.')
    .requiredOption(
      '-f, --file <file>',
      'a file, or - for stdin; may be given again',
      each(filled('a file, such as ./passport.yaml')),
    )
    .addHelpText('after', '\nExample:\n  althing apply -f writer-passport.yaml')
    .action(async ({ file: files }: { file: string[] }, command: Command) => {
      const { client, json, print, printJson } = contextOf(command)
      const published: string[] = []
      // All are read before the first is published: a name that is mistyped leaves nothing half done.
      const texts: Buffer[] = []
      for (const file of files) texts.push(await read(file))
      for (const [index, file] of files.entries()) {
        const path = `/v1/passports?${new URLSearchParams({ file: file === '-' ? 'stdin' : file }).toString()}`
        const accepted = await client.send<PassportsAccepted>(path, 'application/yaml', texts[index]!)
        published.push(...accepted.published)
        if (!json) for (const name of accepted.published) print(name)
      }
      if (json) printJson({ published })
    })
}

async function read(file: string): Promise<Buffer> {
  try {
    return file === '-' ? await buffer(process.stdin) : await readFile(file)
  } catch (error) {
    throw usageError(`--file ${shownWord(file)}: cannot be read: ${describeFileError(error)}`)
  }
}
