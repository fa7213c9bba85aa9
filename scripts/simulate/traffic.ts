/** `npm run sim -- --traffic`: what members send and receive in meshes of any size, and how soon joins are known. */
import { parseArgs } from 'node:util'
import { DEFAULT_WARDS } from '../../src/mesh/wards/state.ts'
import { measureJoins, measureNewcomer, measureTraffic, type TrafficResult } from '../../test/sim/traffic/measure.ts'
import { measureGrowth } from '../../test/sim/traffic/growth.ts'
import { TRAFFIC_KINDS } from '../../test/sim/traffic/meter.ts'
import { parseOnce } from '../../test/sim/traffic/parse-once.ts'
import { wholeNumber } from './arguments.ts'

const USAGE = `usage: npm run sim -- --traffic [options]
What a member sends and receives, bytes a second, while nothing is asked of the mesh but that it stands; each member
is restarted once a day. The real core in up to 300 daemons, in 50 of up to 3,000, in 16 of more; gossipsub modelled.
  --size N       so many members, up to 20,000 (default: 10, 100, 1,000 and 10,000, one after the other)
  --seconds N    of virtual time that are counted (default 120)
  --seed N       (default 1)
  --hub LINKS    instead: one member to which there are so many links (with --size, default 1,000)
  --joins N      instead: how soon all have the passport of a newcomer, N times (with --size, default 100)
  --wards        the mesh is in wards: one of them in full, what reaches it of the others, and a newcomer to it
                 (with --size, default 10,000)
  --grow N       instead: a mesh of which all members are in full grows by N, past the size at which it is cut into
                 wards (with --size, default 1,000, which takes 12 GB of memory)
  --json         machine-readable lines on standard output
Exits 1 when a member of the largest mesh takes more than twice what one of 100 does, or one join in a hundred takes
longer than a second; with --grow when anybody alive is held offline, lacks a member of its ward, holds another, or does
not find it; with --wards also when a daemon holds more than 2,048 records or a newcomer gets 3 MB or more.

Examples:
  npm run sim -- --traffic
  npm run sim -- --traffic --size 1000 --seconds 60 --json
  npm run sim -- --traffic --joins 200
  npm run sim -- --traffic --hub 500 --seconds 30
  npm run sim -- --traffic --wards --seconds 60
  NODE_OPTIONS=--max-old-space-size=16000 npm run sim -- --traffic --grow 200`

const SIZES = [10, 100, 1_000, 10_000]
const HUB_SIZE = 1_000
const WARDS_SIZE = 10_000
const GROWN_SIZE = 1_000
/** The most that a daemon in a ward may hold, digests among it, and that a newcomer to one may get. */
const MOST_HELD = 2_048
const MOST_FETCHED_BYTES = 3e6
/** The size that larger ones are measured by, and how much more they may take. */
const MEASURE_SIZE = 100
const MOST_TIMES = 2
const MOST_JOIN_MS = 1_000

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        ...{ help: flag, json: flag, wards: flag },
        ...{ size: text, seconds: text, seed: text, joins: text, hub: text, grow: text },
      },
    })
    const size = values.size === undefined ? undefined : wholeNumber(values, 'size', 0, 4, 20_000)
    return {
      help: values.help,
      json: values.json,
      wards: values.wards,
      size,
      seconds: wholeNumber(values, 'seconds', 120, 1, 86_400),
      seed: wholeNumber(values, 'seed', 1, 0, 2 ** 32),
      joins: values.joins === undefined ? undefined : wholeNumber(values, 'joins', 0, 1, 100_000),
      grow: values.grow === undefined ? undefined : wholeNumber(values, 'grow', 0, 1, 10_000),
      hub: values.hub === undefined ? undefined : wholeNumber(values, 'hub', 0, 1, 20_000),
    }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

type Options = Exclude<ReturnType<typeof parse>, { readonly problem: string }>

/** Runs what the command line asks for. @returns the exit code */
export function trafficMain(argv: readonly string[]): number {
  const options = parse(argv)
  if ('problem' in options) {
    console.error(`${options.problem}\n\n${USAGE}`)
    return 2
  }
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  if (options.grow !== undefined) return growth(options, options.grow) ? 0 : 1
  if (options.wards) return inWards(options) ? 0 : 1
  return (options.joins === undefined ? traffic(options) : joins(options, options.joins)) ? 0 : 1
}

function traffic({ size, seconds, seed, json, hub }: Options): boolean {
  if (!json) printHead()
  const results: TrafficResult[] = []
  for (const one of size !== undefined ? [size] : hub !== undefined ? [HUB_SIZE] : SIZES) {
    const result = measureTraffic({ size: one, seconds, seed, hubLinks: hub })
    results.push(result)
    if (json) console.log(JSON.stringify(result))
    else print(result)
  }
  return isFlat(results, json)
}

function printHead(): void {
  const kinds = TRAFFIC_KINDS.map((kind) => kind.padStart(11)).join('')
  console.log(`members    sent received   both    p99 B/s${kinds}  steps/s  links  held records`)
}

/** A large mesh in wards beside one of a hundred. */
function inWards({ size = WARDS_SIZE, seconds, seed, json }: Options): boolean {
  if (!json) printHead()
  const few = measureTraffic({ size: MEASURE_SIZE, seconds, seed })
  if (!json) print(few)
  const many = measureTraffic({ size, seconds, seed, wards: DEFAULT_WARDS })
  if (!json) print(many)
  const newcomer = measureNewcomer({ size, seed, wards: DEFAULT_WARDS })
  if (json) for (const one of [few, many, newcomer]) console.log(JSON.stringify(one))
  else {
    console.log(`the most that one held at any time: ${many.mostRecords} records and digests`)
    const { receivedBytes, tookMs, ward } = newcomer
    console.log(`a newcomer to a ward of ${ward}: ${(receivedBytes / 1e6).toFixed(2)} MB in ${tookMs} ms`)
  }
  const isBounded = many.mostRecords <= MOST_HELD && newcomer.receivedBytes < MOST_FETCHED_BYTES
  return isFlat([few, many], json) && isBounded
}

/** A mesh that is cut into wards as it grows. */
function growth({ size: from = GROWN_SIZE, seed, json }: Options, by: number): boolean {
  parseOnce()
  const result = measureGrowth({ from, to: from + by, seed, wards: DEFAULT_WARDS })
  const { to, partedMs, wards, missed, examples, lacking, strangers, seekers, found } = result
  if (json) console.log(JSON.stringify(result))
  else {
    console.log(
      `from ${from} to ${to} members: in wards, and nobody else held, after ${Math.round(partedMs / 1_000)} s`,
    )
    for (const [ward, members] of Object.entries(wards)) console.log(`  ${ward.padEnd(12)} ${members}`)
    console.log(`held to be anything but alive: ${missed}${missed > 0 ? `: ${examples.join('; ')}` : ''}`)
    console.log(`lacking of their own ward: ${lacking}; of others held: ${strangers}; found: ${found} of ${seekers}`)
  }
  return missed === 0 && lacking === 0 && strangers === 0 && found === seekers
}

function print(result: TrafficResult): void {
  const { size, sentBytesPerS, receivedBytesPerS, meanBytesPerS, p99BytesPerS, byKind, stepsPerS, links } = result
  const cells = [
    ...[String(size).padStart(7), String(sentBytesPerS).padStart(8), String(receivedBytesPerS).padStart(9)],
    ...[String(meanBytesPerS).padStart(7), String(p99BytesPerS).padStart(11)],
    ...TRAFFIC_KINDS.map((kind) => String(byKind[kind]).padStart(11)),
    ...[String(stepsPerS).padStart(9), String(links).padStart(7)],
    `  ${result.heldRecords}, ${(result.heldBytes / 1e6).toFixed(1)} MB`,
  ]
  console.log(cells.join(''))
}

/** Whether a member of the largest mesh takes at most so much more than one of 100; true when not both were seen. */
function isFlat(results: readonly TrafficResult[], json: boolean): boolean {
  const [measure, largest] = [results.find(({ size }) => size === MEASURE_SIZE), results.at(-1)]
  if (measure === undefined || largest === undefined || largest.size <= MEASURE_SIZE) return true
  const times = largest.meanBytesPerS / measure.meanBytesPerS
  if (!json) console.log(`${largest.size} members: ${times.toFixed(2)} times the bytes of ${MEASURE_SIZE}`)
  return times <= MOST_TIMES
}

function joins({ size = MEASURE_SIZE, seed, json }: Options, count: number): boolean {
  const result = measureJoins({ size, joins: count, seed })
  const { p50Ms, p99Ms, maxMs, missed } = result
  if (json) console.log(JSON.stringify(result))
  else {
    console.log(`${size} members, ${count} joins: all have the newcomer's passport after`)
    console.log(`  ${p50Ms} ms (p50), ${p99Ms} ms (p99), ${maxMs} ms (worst); ${missed} not within a minute`)
  }
  return missed === 0 && p99Ms <= MOST_JOIN_MS
}
