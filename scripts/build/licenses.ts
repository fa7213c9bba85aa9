import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGE_FOLDER = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//
const LICENSE_FILE = /^(licen[cs]e|copying|notice)([-._].*)?$/i

/**
 * The licences of every package that is part of a bundle, as their terms ask of whoever ships it.
 * `inputs` are the bundled files, relative to `root`.
 */
export function collectLicenses(root: string, inputs: readonly string[]): string {
  const folders = new Set(inputs.flatMap((input) => PACKAGE_FOLDER.exec(input)?.[1] ?? []))
  const sections = [...folders].toSorted().map((folder) => describePackage(join(root, folder)))
  return `Althing contains these packages.\n\n${[...new Set(sections)].join('\n')}`
}

function describePackage(folder: string): string {
  const manifest = join(folder, 'package.json')
  const { name, version, license } = existsSync(manifest)
    ? (JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>)
    : {}
  const texts = readdirSync(folder)
    .filter((file) => LICENSE_FILE.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
  const title = `${String(name)} ${String(version)} (${String(license)})`
  const rule = '='.repeat(title.length)
  return [rule, title, rule, ...texts, ''].join('\n')
}
