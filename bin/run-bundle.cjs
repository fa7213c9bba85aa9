'use strict'
// Runs a bundle of dist/ by the code that `npm run build` kept of it (scripts/build/keep-code.ts): bytecode of what
// runs at the start, so that V8 need neither parse two megabytes nor keep what it learns by that. Without it, or where
// it fits neither the bundle nor this Node, the bundle is compiled as any other file.
const { createHash } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { dirname } = require('node:path')
const vm = require('node:vm')

/** How long a key is, at the beginning of the file. */
const KEY_BYTES = 32

/** Of what the code is: V8 itself compares no more than the length of the source. */
function keyOf(source) {
  return createHash('sha256').update(`${process.version} ${process.arch}\n`).update(source).digest()
}

/** Where the code of a bundle is kept. */
function keptCodeOf(file) {
  return file.replace(/\.cjs$/, '.code')
}

/** Code for this very source and Node, or undefined. Coverage wants what V8 compiles itself: it counts more exactly. */
function readKept(file, source) {
  if (process.env.NODE_V8_COVERAGE) return undefined
  try {
    const kept = readFileSync(keptCodeOf(file))
    return kept.subarray(0, KEY_BYTES).equals(keyOf(source)) ? kept.subarray(KEY_BYTES) : undefined
  } catch {
    return undefined
  }
}

/** A bundle as a script. */
function compile(file, source, cachedData) {
  return new vm.Script(`(function (exports, require, module, __filename, __dirname) {\n${source.toString()}\n})`, {
    filename: file,
    lineOffset: -1,
    cachedData,
  })
}

/** Runs a script as Node runs a file that is required. */
function run(file, script) {
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file))
}

/** The bundle by the code that was kept of it; undefined where there is none for it. */
function compileKept(file) {
  const source = readFileSync(file)
  const kept = readKept(file, source)
  return kept && compile(file, source, kept)
}

/** Runs the bundle, which to all in it is the program. */
function runBundle(file) {
  process.argv[1] = file
  const script = compileKept(file)
  if (script === undefined) require(file)
  else run(file, script)
}

/** Runs it too, without kept code. @returns what yields the code to keep, of all that has run by then */
function runToKeep(file) {
  process.argv[1] = file
  const source = readFileSync(file)
  const script = compile(file, source, undefined)
  run(file, script)
  return () => Buffer.concat([keyOf(source), script.createCachedData()])
}

module.exports = { compileKept, keptCodeOf, runBundle, runToKeep }
