/** Policies as files, for `althing policy apply`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freshDataDir } from './daemon.ts'

/** A policy of these rules, each `    - …` in YAML, in a file that the tests remove. @returns its path */
export function policyFile(name: string, rules: string): string {
  const path = join(freshDataDir(), `${name}.yaml`)
  const head = `apiVersion: althing.dev/v1\nkind: Policy\nmetadata: { name: ${name} }\nspec:\n  rules:\n`
  writeFileSync(path, head + rules)
  return path
}
