/** Reads passport files: YAML, one or more documents, errors that name file, line, column and field. */
import { Passport } from './passport.ts'
import { readYamlFile } from './yaml-file.ts'

export const MAX_PASSPORT_FILE_BYTES = 1024 * 1024
/** A machine publishes at most so many passports from one file. */
const MAX_PASSPORTS_PER_FILE = 64

/**
 * The passports of a YAML text, in order, at least one. Empty documents (a trailing `---`) are skipped.
 * @param fileName named in errors only
 * @throws YamlFileError listing every problem as `file:line:column: field: expected …, found …`
 */
export function loadPassports(yamlText: string, fileName: string): Passport[] {
  const documents = readYamlFile(yamlText, fileName, {
    schema: Passport,
    code: 'bad-passport',
    one: 'passport (kind: NodePassport)',
    many: 'passports',
    maxBytes: MAX_PASSPORT_FILE_BYTES,
    tooLargeFix: 'split the file; a single passport may take 8 KiB',
    maxDocuments: MAX_PASSPORTS_PER_FILE,
  })
  return documents.map(({ value }) => value)
}
