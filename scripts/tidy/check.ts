import { checkCycles, checkLayers } from './layers.ts'
import { checkPurity } from './purity.ts'
import type { Problem, Source } from './source.ts'
import { checkStyle } from './style.ts'

/** Every rule over every file, in the order of the files. */
export function checkAll(sources: readonly Source[]): Problem[] {
  const problems = [...checkLayers(sources), ...checkCycles(sources), ...checkPurity(sources), ...checkStyle(sources)]
  return problems.toSorted((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1))
}

/** One problem on one line, as editors link it. */
export function describeProblem({ path, line, rule, message }: Problem): string {
  return `${path}:${line}  ${rule}: ${message}`
}
