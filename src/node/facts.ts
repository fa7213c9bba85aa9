/** What a daemon is told and what it finds, in the form the mesh takes it. */
import { readFile } from 'node:fs/promises'
import type { TaskDriver } from '../drivers/driver.ts'
import { allocatable } from '../hw/capacity.ts'
import { deriveLabels } from '../hw/labels.ts'
import { checkMeshConfig, DEFAULT_MESH } from '../mesh/config.ts'
import type { LocalFacts, MeshConfig, MeshState } from '../mesh/types.ts'
import { DEFAULT_WARDS, type WardConfig } from '../mesh/wards/state.ts'
import type { HardwareSummary } from '../model/hardware.ts'
import { passportName, type Passport } from '../model/passport.ts'
import type { Store } from '../store/store.ts'
import { AlthingError, messageOf } from '../util/errors.ts'
import type { Governor } from './governance/governor.ts'
import { DEFAULT_CLUSTER, type DaemonOptions } from './options.ts'
import { assertPublishable } from './publishable.ts'
import { VERSION } from './version.ts'

/** The variables that `althing up --help` tells of, by the knobs they set. */
const TIME_VARIABLES = { beatMs: 'ALTHING_BEAT_MS', leaseMs: 'ALTHING_LEASE_MS', deadMs: 'ALTHING_DEAD_MS' } as const
/** Above so many members the mesh is cut into wards. */
const WARDS_VARIABLE = 'ALTHING_CUT_ABOVE'
const LEAST_CUT = 4
type TimeKnob = keyof typeof TIME_VARIABLES
const TIME_KNOBS = Object.keys(TIME_VARIABLES) as TimeKnob[]

/**
 * The mesh's knobs: the defaults, with `ALTHING_BEAT_MS`, `ALTHING_LEASE_MS` and `ALTHING_DEAD_MS` over them, for
 * operators of unusual networks and for tests.
 * @throws AlthingError `bad-environment`, when these are no numbers or do not go together
 */
export function meshConfigOf({ cluster = DEFAULT_CLUSTER }: DaemonOptions, env = process.env): MeshConfig {
  const wards = wardsFrom(env)
  const times = Object.fromEntries(TIME_KNOBS.map((knob) => [knob, timeFrom(env, knob)])) as Record<TimeKnob, number>
  try {
    return checkMeshConfig({ ...DEFAULT_MESH, cluster, version: VERSION, ...times, wards })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const fault = TIME_KNOBS.reduce((text, knob) => text.replaceAll(knob, TIME_VARIABLES[knob]), error.message)
    const found = TIME_KNOBS.map((knob) => `${TIME_VARIABLES[knob]}=${times[knob]}`).join(', ')
    throw badTime(`${fault} (${found})`, error)
  }
}

/**
 * Above how many members the mesh is cut into wards, and how large these are then: the defaults in proportion. For
 * tests of small meshes; it must be the same in the whole mesh. All its times are shorter in proportion, but no less
 * than a fortieth.
 */
function wardsFrom(env: NodeJS.ProcessEnv): WardConfig {
  const text = env[WARDS_VARIABLE] ?? ''
  if (text === '') return DEFAULT_WARDS
  const members = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (members < LEAST_CUT || members > DEFAULT_WARDS.wholeMost) {
    const shown = /^[\w.+-]{1,20}$/.test(text) ? text : JSON.stringify(text.slice(0, 100))
    throw new AlthingError(
      'bad-environment',
      `${WARDS_VARIABLE}=${shown}: expected ${LEAST_CUT} to ${DEFAULT_WARDS.wholeMost} members`,
      { fix: `unset ${WARDS_VARIABLE} for the default: ${DEFAULT_WARDS.wholeMost}` },
    )
  }
  const share = members / DEFAULT_WARDS.wholeMost
  const scaled = (count: number) => Math.max(1, Math.round(count * share))
  const quicker = (ms: number) => Math.round(ms * Math.max(share, 1 / 40))
  const { wholeLeast, most, least, zoneFrom, zoneUntil, settleMs, reviewMs, digestMs } = DEFAULT_WARDS
  return {
    ...{ wholeMost: members, wholeLeast: scaled(wholeLeast), most: scaled(most), least: scaled(least) },
    ...{ zoneFrom: scaled(zoneFrom), zoneUntil: scaled(zoneUntil) },
    ...{ settleMs: quicker(settleMs), reviewMs: quicker(reviewMs), digestMs: quicker(digestMs) },
  }
}

/** Milliseconds from the environment; unset and empty are the default. */
function timeFrom(env: NodeJS.ProcessEnv, knob: TimeKnob): number {
  const name = TIME_VARIABLES[knob]
  const text = env[name] ?? ''
  if (text === '') return DEFAULT_MESH[knob]
  if (/^\d{1,9}$/.test(text)) return Number(text)
  const shown = /^[\w.+-]{1,20}$/.test(text) ? text : JSON.stringify(text.slice(0, 100))
  throw badTime(`${name}=${shown}: expected milliseconds, digits only, such as ${DEFAULT_MESH[knob]}`)
}

function badTime(message: string, cause?: RangeError): AlthingError {
  const [beat, lease, dead] = TIME_KNOBS.map((knob) => DEFAULT_MESH[knob])
  return new AlthingError('bad-environment', message, {
    fix: `unset ${Object.values(TIME_VARIABLES).join(', ')} for the defaults: ${beat}, ${lease} and ${dead}`,
    ...(cause && { cause }),
  })
}

/** What this node is, from its hardware, its options and its driver. */
export function localFacts(
  options: DaemonOptions,
  hardware: HardwareSummary,
  driver: TaskDriver,
  trusted: ReadonlySet<string>,
  governor: Governor,
  self: string,
): LocalFacts {
  const enforcement = driver.enforcement()
  const roster = governor.rosterFacts()
  return {
    labels: { ...deriveLabels(hardware), ...options.labels },
    capacity: { ...allocatable(hardware), ...options.capacity },
    drivers: [driver.name],
    trusted: new Set([...trusted, ...governor.trusted(), self]),
    open: governor.open || (options.open ?? false),
    ...(roster && { roster }),
    holdsCpuLimit: enforcement.cpu !== 'none',
    holdsMemoryLimit: enforcement.memory !== 'none',
    isolation: driver.isolation(),
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
