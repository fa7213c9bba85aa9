/**
 * Policies, compiled: with the CEL library in it, so that only a daemon that has a policy loads it; it is built into a
 * file of its own.
 */
export { compilePolicy } from './compile.ts'
