/** What takes the place of a policy that cannot be used. Apart from the CEL library, whose lack may be the reason. */
import type { CompiledPolicy, Domain } from './types.ts'

/** A policy that cannot be read: it refuses everything, and says why. */
export function unusablePolicy(domain: Domain, name: string, why: string): CompiledPolicy {
  return {
    domain,
    name,
    rules: [],
    operations: [],
    faults: [{ path: [], text: why }],
    whenForbidden: 'drain',
    counts: false,
    oneByOne: false,
  }
}
