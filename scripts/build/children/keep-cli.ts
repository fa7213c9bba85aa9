/** Has the CLI print its help, which loads all commands, and keeps the code of that. */
import { runToKeep } from '../../../bin/run-bundle.cjs'
import { writeCode } from '../write-code.ts'

const bundle = process.argv[2]!
process.argv.splice(1, Infinity, bundle, '--help')
const codeNow = runToKeep(bundle)
process.once('exit', () => writeCode(bundle, codeNow()))
