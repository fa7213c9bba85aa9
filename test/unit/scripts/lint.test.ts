import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Every rule of the linters is broken once, in a copy of this repository's own configuration. */
describe('lint refuses', function () {
  this.timeout(60_000)
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'althing-lint-'))
    for (const file of ['.oxlintrc.json', '.oxfmtrc.json', 'tsconfig.json', 'knip.json', '.editorconfig']) {
      copyFileSync(join(ROOT, file), join(directory, file))
    }
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const plant = (files: Record<string, string>): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true })
      writeFileSync(join(directory, path), text)
    }
  }
  const run = (tool: string, ...args: string[]): { status: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync(join(ROOT, 'node_modules', '.bin', tool), args, { cwd: directory })
    return { status, output: `${String(stdout)}${String(stderr)}` }
  }

  it('each of its rules, and passes clean code', () => {
    const planted: Record<string, string> = {
      'no-floating-promises': `export const a = () => { Promise.resolve(1) }`,
      'no-misused-promises': `export const a = (l: string[]) => l.forEach(async (x) => { await Promise.resolve(x) })`,
      'await-thenable': `export const a = async () => { await 1 }`,
      'only-throw-error': `export const a = () => { throw 'text' }`,
      'return-await': `export const a = async () => { try { return Promise.resolve() } catch { return 1 } }`,
      'switch-exhaustiveness-check': `export const a = (x: 'p' | 'q') => { switch (x) { case 'p': } return 0 }`,
      'no-explicit-any': `export const a = (x: any) => x`,
      'consistent-type-imports': `import { Stats } from 'node:fs'\nexport const a = (x: Stats) => x.size`,
      'no-default-export': `const a = 1\nexport default a`,
      'prefer-node-protocol': `import { statSync } from 'fs'\nexport const a = statSync`,
      'no-console': `export const a = () => console.log(1)`,
      'no-eval': `export const a = () => eval('1')`,
      eqeqeq: `export const a = (x: number) => x == 1`,
      'no-var': `export const a = () => { var x = 1; return x }`,
      'prefer-const': `export const a = () => { let x = 1; return x }`,
      'no-unused-vars': `export const a = () => { const x = 1 }`,
    }
    plant({ 'src/util/clean.ts': `export const clean = (): number => 1\n` })
    assert.deepEqual(run('oxlint', '--deny-warnings').status, 0)
    plant(Object.fromEntries(Object.entries(planted).map(([rule, text]) => [`src/util/${rule}.ts`, text])))
    plant({ 'src/util/filenameCase.ts': `export const a = 1` })
    plant({
      'src/util/ring-a.ts': `import { b } from './ring-b.ts'\nexport const a = (): number => b()`,
      'src/util/ring-b.ts': `import { a } from './ring-a.ts'\nexport const b = (): number => a()`,
    })
    const { status, output } = run('oxlint', '--deny-warnings', '--format=unix')
    assert.notEqual(status, 0)
    const lines = output.split('\n')
    const reported = (file: string, rule: string): boolean =>
      lines.some((line) => line.includes(`/${file}.ts:`) && line.includes(rule))
    const missed = Object.keys(planted).filter((rule) => !reported(rule, rule))
    assert.deepEqual(missed, [], output)
    assert.ok(reported('filenameCase', 'filename-case'), output)
    assert.ok(reported('ring-a', 'no-cycle'), output)
    assert.ok(!output.includes('clean.ts'), output)
  })

  it('what the formatter would write otherwise', () => {
    plant({ 'src/util/clean.ts': `export const clean = (text: string): string => text + 'a'\n` })
    assert.equal(run('oxfmt', '--check').status, 0)
    plant({ 'src/util/ugly.ts': `export const ugly = "double quotes";\n` })
    const { status, output } = run('oxfmt', '--check')
    assert.notEqual(status, 0)
    assert.match(output, /ugly\.ts/)
    assert.doesNotMatch(output, /clean\.ts/)
  })

  it('dead files, dead exports and unused or unlisted packages', () => {
    plant({
      'package.json': JSON.stringify({ name: 'x', type: 'module', dependencies: { zod: '*', pino: '*' } }),
      'src/cli/main.ts': `import { used } from '../util/used.ts'\nimport 'zod'\nimport 'hono'\nused()\n`,
      'src/util/used.ts': `export const used = () => 1\nexport const neverUsed = () => 2\n`,
      'src/util/dead.ts': `export const dead = 1\n`,
    })
    const { status, output } = run('knip', '--reporter', 'compact')
    assert.notEqual(status, 0)
    for (const expected of [/dead\.ts/, /neverUsed/, /pino/, /hono/]) assert.match(output, expected)
    assert.doesNotMatch(output, /: used|zod/)
  })

  it('what does not type-check', () => {
    plant({ 'src/util/wrong.ts': `export const wrong = [1][0].toFixed()\nexport enum E { A }\n` })
    const { status, output } = run('tsc', '-p', '.')
    assert.notEqual(status, 0)
    assert.match(output, /wrong\.ts.*undefined/)
    assert.match(output, /wrong\.ts.*erasableSyntaxOnly/)
  })
})
