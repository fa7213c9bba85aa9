/** Policies as text become policies that can be asked. What reads them is loaded when there is one. */
import type { Policy } from '../model/policy.ts'
import type { CompiledPolicy, Domain } from '../policy/types.ts'
import { unusablePolicy } from '../policy/unusable.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'

/** A policy that is asked, and why it refuses everything if it does. */
export interface Asked {
  readonly compiled: CompiledPolicy
  readonly unusable?: string
}

/** A policy as it was kept: `name` and `fileName` are for messages. */
export interface KeptPolicy {
  readonly domain: Domain
  readonly text: string
  readonly name: string
  readonly fileName: string
}

/** Never throws: what cannot be read, or asked, refuses everything and says why. */
export async function askedOf({ domain, text, name, fileName }: KeptPolicy, log: Logger): Promise<Asked> {
  try {
    return { compiled: (await readPolicy(text, fileName, domain)).compiled }
  } catch (error) {
    const unusable = messageOf(error)
    log.error({ domain, error: unusable }, 'a policy cannot be used: everything is refused until another comes')
    return { compiled: unusablePolicy(domain, name, unusable), unusable }
  }
}

/**
 * Reads and compiles a policy.
 * @throws YamlFileError with file, line and field of each mistake, in expressions too
 */
export async function readPolicy(
  text: string,
  fileName: string,
  domain: Domain = 'node',
): Promise<{ document: Policy; compiled: CompiledPolicy }> {
  const { readPolicyFile } = await import('../model/policy-file.ts')
  const { compilePolicy } = await import('../policy/library.ts')
  const { value: document, refuse } = readPolicyFile(text, fileName)
  const compiled = compilePolicy(domain, document)
  if (compiled.faults.length > 0) return refuse(compiled.faults)
  return { document, compiled }
}
