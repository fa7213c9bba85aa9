import assert from 'node:assert/strict'
import { checkAll } from '../../../scripts/tidy/check.ts'
import { parseSource } from '../../../scripts/tidy/source.ts'

/** The rules broken by files given as path → text, as `rule path:line`. */
function broken(files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => parseSource(path, text))
  return checkAll(sources).map(({ rule, path, line }) => `${rule} ${path}:${line}`)
}

/** Declares that one file alone breaks this rule, at the first line, and none other. */
function breaks(rule: string, path: string, text: string): void {
  it(`${path}: ${text.split('\n')[0]!.slice(0, 90)}`, () => {
    assert.deepEqual([...new Set(broken({ [path]: text }))], [`${rule} ${path}:1`])
  })
}

/** Declares that one file alone breaks nothing. */
function keeps(path: string, text: string): void {
  it(`${path}: ${text.split('\n')[0]!.slice(0, 90)}`, () => {
    assert.deepEqual(broken({ [path]: text }), [])
  })
}

describe('tidy: layers refuse', () => {
  const layers = (path: string, text: string): void => breaks('layers', path, text)
  layers('src/util/a.ts', `import { b } from '../model/b.ts'`)
  layers('src/util/a.ts', `import type { B } from '../model/b.ts'`)
  layers('src/util/a.ts', `export { b } from '../model/b.ts'`)
  layers('src/util/a.ts', `export * from '../model/b.ts'`)
  layers('src/util/a.ts', `const b = await import('../model/b.ts')`)
  layers('src/util/a.ts', `let b: import('../model/b.ts').B`)
  layers('src/util/a.ts', `import '../model/b.ts'`)
  layers('src/model/a.ts', `import { b } from '../wire/b.ts'`)
  layers('src/wire/a.ts', `import { b } from '../registry/b.ts'`)
  for (const sibling of ['topology', 'policy', 'health', 'audit', 'diagnosis']) {
    layers('src/registry/a.ts', `import { b } from '../${sibling}/b.ts'`)
    layers(`src/${sibling}/a.ts`, `import { b } from '../registry/b.ts'`)
  }
  layers('src/negotiation/deep/er/a.ts', `import { b } from '../../../workload/b.ts'`)
  layers('src/workload/a.ts', `import { b } from '../mesh/b.ts'`)
  layers('src/mesh/a.ts', `import { b } from '../node/b.ts'`)
  layers('src/node/a.ts', `import { b } from '../status/b.ts'`)
  for (const adapter of ['hw', 'drivers', 'store', 'peer', 'reach']) {
    layers(`src/mesh/a.ts`, `import type { B } from '../${adapter}/b.ts'`)
    layers(`src/status/a.ts`, `import { b } from '../${adapter}/b.ts'`)
    layers(`src/${adapter}/a.ts`, `import { b } from '../registry/b.ts'`)
    layers(`src/${adapter}/a.ts`, `import { b } from '../node/b.ts'`)
  }
  layers('src/store/a.ts', `import { b } from '../peer/b.ts'`)
  layers('src/facades/a.ts', `import { b } from '../status/b.ts'`)
  layers('src/cli/a.ts', `import { b } from '../node/daemon.ts'`)
  layers('src/cli/a.ts', `import { b } from '../status/b.ts'`)
  layers('src/cli/upper.ts', `import { b } from '../node/daemon.ts'`)
  layers('src/cli/commands/nodes.ts', `const b = await import('../run-daemon.ts')`)
  layers('src/cli/commands/nodes.ts', `import { b } from '../../node/options.ts'`)
  layers('src/cli/run-daemon.ts', `import { b } from '../mesh/b.ts'`)
  layers('src/novel/a.ts', `import { b } from '../util/b.ts'`)
  layers('src/node/a.ts', `import { b } from '../../scripts/b.ts'`)
  layers('src/node/a.ts', `import { createLibp2p } from 'libp2p'`)
  layers('src/wire/a.ts', `import { tcp } from '@libp2p/tcp'`)
  layers('src/node/a.ts', `import si from 'systeminformation'`)
  layers('src/status/a.ts', `import { Command } from 'commander'`)
  layers('web/a.ts', `import { b } from '../src/model/b.ts'`)
  layers('web/a.ts', `import type { B } from '../src/util/b.ts'`)
})

describe('tidy: layers allow', () => {
  keeps('src/mesh/a.ts', `import { b } from '../negotiation/b.ts'\nimport { c } from '../registry/deep/c.ts'`)
  keeps('src/node/a.ts', `import { b } from '../peer/b.ts'\nimport { c } from '../mesh/c.ts'`)
  keeps('src/cli/run-daemon.ts', `import { b } from '../status/b.ts'\nimport { c } from '../node/c.ts'`)
  keeps('src/cli/commands/up.ts', `import { b } from '../run-daemon.ts'\nimport { c } from '../../node/options.ts'`)
  keeps('src/status/a.ts', `import { b } from '../node/b.ts'`)
  keeps('src/store/a.ts', `import { b } from '../wire/b.ts'\nimport { c } from './c.ts'`)
  keeps('src/cli/up.ts', `import { b } from '../node/daemon.ts'`)
  keeps('src/cli/up/detach.ts', `import { b } from '../../node/daemon.ts'`)
  keeps('src/cli/down.ts', `import { resolvePaths } from '../node/paths.ts'`)
  keeps('src/cli/doctor/a.ts', `import { b } from '../../reach/b.ts'\nimport { c } from '../../diagnosis/c.ts'`)
  keeps('src/wire/a.ts', `import { keys } from '@libp2p/crypto/keys'`)
  keeps('src/peer/a.ts', `import { tcp } from '@libp2p/tcp'`)
  keeps('web/a.tsx', `import type { B } from '../src/model/b.ts'\nimport { c } from './c.tsx'`)
  keeps('test/unit/a.test.ts', `import { b } from '../../src/node/b.ts'`)
})

describe('tidy: no cycles', () => {
  it('finds a ring, once, through types and across folders too', () => {
    const files = {
      'src/node/a.ts': `import { b } from './b.ts'`,
      'src/node/b.ts': `import type { C } from './c.ts'`,
      'src/node/c.ts': `export * from './a.ts'`,
      'src/node/d.ts': `import { a } from './a.ts'`,
    }
    assert.deepEqual(broken(files), ['no-cycle src/node/a.ts:1'])
    assert.deepEqual(broken({ ...files, 'src/node/c.ts': '' }), [])
  })

  it('finds a file that imports itself', () => {
    assert.deepEqual(broken({ 'src/node/a.ts': `import { a } from './a.ts'` }), ['no-cycle src/node/a.ts:1'])
  })
})

describe('tidy: the core may not', () => {
  const impure = (text: string, path = 'src/mesh/a.ts'): void => breaks('core-purity', path, text)
  impure(`const now = Date.now()`)
  impure(`const now = Date['now']()`)
  impure(`const clock = { now: Date.now }`)
  impure(`const now = new Date()`)
  impure(`const now = Date()`)
  impure(`const chance = Math.random()`)
  impure(`setTimeout(() => {}, 1)`)
  impure(`setInterval(() => {}, 1)`)
  impure(`setImmediate(() => {})`)
  impure(`queueMicrotask(() => {})`)
  impure(`const t = performance.now()`)
  impure(`const cwd = process.cwd()`)
  impure(`const id = crypto.randomUUID()`)
  impure(`const hidden = globalThis`)
  impure(`const { random } = { process }`)
  impure(`console.log('x')`)
  impure(`await fetch('http://x')`)
  // By another name, or by way of something that is harmless by itself.
  impure(`const D = Date, now = D.now()`)
  impure(`const { now } = Date`)
  impure(`const isTime = (x: unknown) => x instanceof Date`)
  impure(`const now = new Date(...[]).toISOString()`)
  impure(`const here = new Date(2020, 1, 1).toISOString()`)
  impure(`const here = new Date(0).getHours()`)
  impure(`const { random } = Math`)
  impure(`const M = Math`)
  impure(`const chance = Math['random']()`)
  impure(`const sources = { Math }`)
  impure(`const now = Reflect.get({}, 'now')`)
  impure(`const signal = AbortSignal.timeout(5)`)
  impure(`Atomics.wait(new Int32Array(1), 0, 0)`)
  impure(`const now = new Intl.DateTimeFormat().format()`)
  impure(`const cores = navigator.hardwareConcurrency`)
  impure(`const socket = new WebSocket('ws://x')`)
  impure(`const get = fetch<string>`)
  impure(`const get = (fetch as unknown)!`)
  impure(`declare const fetch: () => void; fetch()`)
  impure(`export { fetch }`)
  impure(`function f({ a = fetch } = {}) {}`)
  impure(`{ const fetch = 1 } fetch('http://x')`)
  impure(`const run = (() => {}).constructor('x')`)
  impure(`const run = (() => {})['constructor']('x')`)
  impure(`const { constructor: run } = () => {}`)
  impure(`const run = Function('x'); eval('x')`)
  impure(`const here = import.meta.dirname`)
  impure(`const order = 'a'.localeCompare('b')`)
  impure(`const shown = (1).toLocaleString()`)
  impure(`import { readFileSync } from 'node:fs'`)
  impure(`import type { Stats } from 'node:fs'`)
  impure(`import fs from 'fs'`)
  impure(`const fs = await import('node:fs')`)
  impure(`const name = 'x', fs = await import(name)`)
  impure(`import { parse } from 'yaml'`)
  impure(`import { pino } from 'pino'`)
  impure(`import { parse } from 'yaml'`, 'src/model/passport.ts')
  impure(`import { readFileSync } from 'node:fs'`, 'src/model/passport-file.ts')
  for (const folder of ['model', 'registry', 'topology', 'policy', 'negotiation', 'workload', 'health', 'audit']) {
    impure(`const now = Date.now()`, `src/${folder}/deep/a.ts`)
  }
  it('libp2p, which the layers refuse as well', () => {
    assert.deepEqual(broken({ 'src/mesh/a.ts': `import { x } from 'libp2p'` }).toSorted(), [
      'core-purity src/mesh/a.ts:1',
      'layers src/mesh/a.ts:1',
    ])
  })

  it('a helper that reaches outside, though its types are welcome', () => {
    const clock = { 'src/util/clock.ts': `const now = Date.now()` }
    const core = (text: string): Record<string, string> => ({ ...clock, 'src/mesh/a.ts': text })
    assert.deepEqual(broken(core(`import { systemClock } from '../util/clock.ts'`)), ['core-purity src/mesh/a.ts:1'])
    assert.deepEqual(broken(core(`import type { Clock } from '../util/clock.ts'`)), [])
    const between = { 'src/wire/between.ts': `import { systemClock } from '../util/clock.ts'` }
    assert.deepEqual(broken({ ...core(`import { b } from '../wire/between.ts'`), ...between }), [
      'core-purity src/mesh/a.ts:1',
    ])
  })
})

describe('tidy: the core may', () => {
  keeps('src/mesh/a.ts', `const text = new Date(0).toISOString()`)
  keeps('src/mesh/a.ts', `const state = { process: 1, crypto: 2 }; const p = state.process`)
  keeps('src/mesh/a.ts', `interface Task { process: string; performance: number }`)
  keeps('src/mesh/a.ts', `const most = Math.max(1, 2)`)
  keeps('src/mesh/a.ts', `const fetch = (history: number) => history; fetch(1)`)
  keeps('src/mesh/a.ts', `for (const [name, { event = 1, ...status }] of []) switch (name) { case 1: let a = event }`)
  keeps('src/mesh/a.ts', `try { class Event { stop() {} } new Event() } catch (process) { throw process }`)
  keeps('src/mesh/a.ts', `name: for (;;) break name`)
  keeps('src/mesh/a.ts', `function f(this: Date, performance: Date): asserts performance is Date {}`)
  keeps('src/mesh/a.ts', `export { fetch } from './b.ts'; export type { Date } from './c.ts'`)
  keeps('src/mesh/a.ts', `import { fetch as get } from './b.ts'; get()`)
  keeps('src/mesh/a.ts', `import { z } from 'zod'\nimport { sha256 } from '@noble/hashes/sha2.js'`)
  keeps('src/model/deep/passport-file.ts', `import { parse } from 'yaml'`)
  keeps('src/node/a.ts', `const now = Date.now()`)
  keeps('src/util/clock.ts', `const now = Date.now()`)
})

describe('tidy: style refuses', () => {
  breaks('kebab-case', 'src/util/boundedMap.ts', '')
  breaks('kebab-case', 'test/unit/util/Clock.test.ts', '')
  breaks('vague-folder', 'src/node/utils/a.ts', '')
  breaks('max-columns', 'src/node/a.ts', `// ${'x'.repeat(118)}`)
  breaks('max-columns', 'config/default.yaml', `# ${'x'.repeat(119)}`)
  breaks('unfinished', 'src/node/a.ts', '// TODO: all of it')
  breaks('unfinished', 'src/node/a.ts', '// FIXME')
  breaks('unfinished', 'bin/althing', '# good enough for now')
  breaks('no-sleep', 'test/unit/a.test.ts', 'await new Promise((resolve) => setTimeout(resolve, 50))')
  breaks('no-sleep', 'test/unit/a.test.ts', 'await delay(50)')
  breaks('no-sleep', 'test/unit/a.test.ts', 'await sleep(50)')
  breaks('no-sleep', 'test/unit/a.test.ts', `import { setTimeout } from 'node:timers/promises'`)
  breaks('machine-path', 'src/node/a.ts', `const path = '/home/somebody/althing'`)
  breaks('machine-path', 'test/unit/a.test.ts', `const path = '/tmp/althing'`)
  breaks('machine-path', '.ci/run', 'cd /root/althing')
  breaks('no-default-export', 'src/node/a.ts', 'export default 1')
  breaks('doc-comment', 'src/node/a.ts', 'export function f(): void {}')
  breaks('doc-comment', 'src/node/a.ts', 'export class C {}')
  breaks('doc-comment', 'src/node/a.ts', 'export interface I { a: string }')
  breaks('doc-comment', 'src/node/a.ts', 'export type T = string')

  it('a file of more than 300 lines', () => {
    assert.deepEqual(broken({ 'src/node/a.ts': '\n'.repeat(301) }), ['max-lines src/node/a.ts:301'])
    assert.deepEqual(broken({ 'src/node/a.ts': '\n'.repeat(300), 'test/a.test.ts': '\n'.repeat(400) }), [])
  })
})

describe('tidy: style allows', () => {
  keeps('src/node/a.ts', '/** Does it. */\nexport function f(): void {}')
  keeps('src/node/a.ts', '/** What is asked. */\nexport const Ask = 1\nexport type Ask = typeof Ask')
  keeps('src/node/a.ts', 'export interface I {\n  /** Whose it is. */\n  a: string\n}')
  keeps('src/node/big-thing.ts', '/** It. */\nimport { x } from "./x.ts"\n\nexport interface BigThing { a: 1 }')
  keeps('test/support/until.ts', 'await new Promise((resolve) => setTimeout(resolve, 50))')
  keeps('vite.config.ts', 'export default {}')
})
