/** What a daemon is told and what it finds, in the form the mesh takes it. */
import { readFile } from 'node:fs/promises'
import type { TaskDriver } from '../drivers/driver.ts'
import { allocatable } from '../hw/capacity.ts'
import { deriveLabels } from '../hw/labels.ts'
import { checkMeshConfig, DEFAULT_MESH } from '../mesh/config.ts'
import type { LocalFacts, MeshConfig, MeshState } from '../mesh/types.ts'
import type { HardwareSummary } from '../model/hardware.ts'
import { passportName, type Passport } from '../model/passport.ts'
import type { Store } from '../store/store.ts'
import { AlthingError, messageOf } from '../util/errors.ts'
import { DEFAULT_CLUSTER, type DaemonOptions } from './options.ts'
import { assertPublishable } from './publishable.ts'
import { VERSION } from './version.ts'

/** Milliseconds from the environment, for operators of unusual networks and for tests. */
function fromEnv(name: string, byDefault: number): number {
  const text = process.env[name]
  if (text === undefined || text === '') return byDefault
  if (!/^\d{1,9}$/.test(text))
    throw new AlthingError('bad-environment', `${name}=${text}: expected milliseconds, digits only`)
  return Number(text)
}

/**
 * The mesh's knobs: the defaults, with `ALTHING_BEAT_MS`, `ALTHING_LEASE_MS` and `ALTHING_DEAD_MS` over them.
 * @throws AlthingError `bad-environment`, when these are no numbers or do not go together
 */
export function meshConfigOf(options: DaemonOptions): MeshConfig {
  const config = {
    ...DEFAULT_MESH,
    cluster: options.cluster ?? DEFAULT_CLUSTER,
    version: VERSION,
    beatMs: fromEnv('ALTHING_BEAT_MS', DEFAULT_MESH.beatMs),
    leaseMs: fromEnv('ALTHING_LEASE_MS', DEFAULT_MESH.leaseMs),
    deadMs: fromEnv('ALTHING_DEAD_MS', DEFAULT_MESH.deadMs),
  }
  try {
    return checkMeshConfig(config)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new AlthingError('bad-environment', `ALTHING_BEAT_MS, ALTHING_LEASE_MS, ALTHING_DEAD_MS: ${error.message}`, {
      cause: error,
      fix: `the defaults are ${DEFAULT_MESH.beatMs}, ${DEFAULT_MESH.leaseMs} and ${DEFAULT_MESH.deadMs}`,
    })
  }
}

/** What this node is, from its hardware, its options and its driver. */
export function localFacts(
  options: DaemonOptions,
  hardware: HardwareSummary,
  driver: TaskDriver,
  trusted: ReadonlySet<string>,
  self: string,
): LocalFacts {
  const enforcement = driver.enforcement()
  return {
    labels: { ...deriveLabels(hardware), ...options.labels },
    capacity: { ...allocatable(hardware), ...options.capacity },
    drivers: [driver.name],
    trusted: new Set([...trusted, self]),
    open: options.open ?? false,
    holdsCpuLimit: enforcement.cpu !== 'none',
    holdsMemoryLimit: enforcement.memory !== 'none',
  }
}

/** The stored trust list, with those named at this start added to it. */
export function readTrust(store: Store, options: DaemonOptions): Set<string> {
  const trusted = new Set(store.load('trust').keys())
  for (const peer of options.trust ?? []) trusted.add(peer)
  return trusted
}

/**
 * Passports from files, by record name.
 * @throws PassportError with file, line and field; AlthingError when a file cannot be read
 */
export async function readPassports(options: DaemonOptions): Promise<Map<string, Passport>> {
  const passports = new Map<string, Passport>()
  if ((options.passportFiles ?? []).length === 0) return passports
  const { loadPassports } = await import('../model/passport-file.ts')
  for (const path of options.passportFiles ?? []) {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw new AlthingError('unreadable-passport', `the passport file cannot be read: ${messageOf(error)}`, {
        cause: error,
      })
    })
    for (const passport of loadPassports(text, path)) passports.set(passportName(passport), passport)
  }
  assertPublishable([...passports.values()])
  return passports
}

/** Inputs of unfinished work and outputs on their way: bundles that no sweep may take. */
export function bundlesInUse({ negotiation }: MeshState): Set<string> {
  const inUse = new Set<string>()
  for (const { spec, phase, exit } of negotiation.contracts.values()) {
    if (spec.input && phase !== 'ended') inUse.add(spec.input.sha256)
    if (exit?.outputSha256 !== undefined) inUse.add(exit.outputSha256)
  }
  for (const task of negotiation.tasks.values()) {
    const input = task.endedAtMs === undefined ? negotiation.jobs.get(task.jobId)?.spec.input : undefined
    if (input) inUse.add(input.sha256)
  }
  return inUse
}
