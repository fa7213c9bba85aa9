/**
 * The file of a daemon's options: `config.yaml` in its configuration directory, or as `--config` names it. What the
 * command line says goes before it. Loaded only where there is such a file: it brings the YAML parser and schemas.
 */
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { flawless } from '../../model/flawless.ts'
import { parseBytes, parseCpuMilli } from '../../model/quantity.ts'
import { faultOfSetting } from '../../model/settings.ts'
import { readYamlFile } from '../../model/yaml-file.ts'
import {
  faultOfCluster,
  faultOfJoin,
  faultOfLabel,
  faultOfListen,
  faultOfName,
  faultOfPeer,
  MAX_ENTRIES,
  MAX_LABELS,
} from '../../node/option-values.ts'
import { DEFAULT_PAGE, LOG_LEVELS, type DaemonOptions } from '../../node/options.ts'
import { usageError } from '../errors.ts'
import { describeFileError } from '../files.ts'
import { shownWord } from '../terminal.ts'
import { ApiPart, issuerOf, JwtPart, listOf, placeOf } from './config-access.ts'

const MAX_FILE_BYTES = 256 * 1024

/** An amount, which YAML may take for a number; the same as the flag of the name takes. */
const amount = (read: (text: string) => number, expected: string) =>
  z.union([z.number().min(0), z.string()], { error: `expected ${expected}` }).refine((value) => {
    try {
      return read(String(value)) >= 0
    } catch {
      return false
    }
  }, `expected ${expected}`)

const port = z.int().min(0).max(65_535)

/** Pairs that are looked at one by one. */
const pairs = (
  value: z.ZodType<string | number | boolean>,
  faultOf: (key: string, text: string) => string | undefined,
) =>
  z.record(z.string(), value).superRefine((all, context) => {
    for (const [key, one] of Object.entries(all)) {
      const fault = faultOf(key, String(one))
      if (fault !== undefined) context.addIssue({ code: 'custom', path: [key], message: fault })
    }
  })

/** Settings by key. */
export const OwnSettings = pairs(z.union([z.string(), z.number()]), faultOfSetting)

/** What the file may say. */
export const ConfigFile = z.strictObject({
  name: flawless(faultOfName).optional().describe('Shown in lists; lower-case, as a DNS name. Default: the host name.'),
  cluster: flawless(faultOfCluster).optional().describe('Meet only those of this cluster, where it has no genesis.'),
  join: listOf(faultOfJoin).optional().describe('Full addresses to join by, as `althing status` prints them there.'),
  listen: listOf(faultOfListen).optional().describe('Addresses to listen on. Default: private ones, at `port`.'),
  port: port.optional().describe('Port of the mesh; 0: any. Default: 4100, or any when that is taken.'),
  public: z.boolean().optional().describe('Listen and dial beyond private networks.'),
  mdns: z.boolean().optional().describe('Look for others on the local network. Default: true.'),
  dht: z.boolean().optional().describe('Look for members by way of members too.'),
  relay: z.boolean().optional().describe('Relay for members that cannot be dialled.'),
  open: z.boolean().optional().describe('Run tasks of ANYONE who connects: for trials in closed networks only.'),
  trust: listOf(faultOfPeer).optional().describe('Peers whose tasks run here, added to the stored list.'),
  isolatedNetwork: z.boolean().optional().describe("Isolated tasks reach this machine's network."),
  labels: pairs(z.union([z.string(), z.number(), z.boolean()]), faultOfLabel)
    .refine((all) => Object.keys(all).length <= MAX_LABELS, `expected at most ${MAX_LABELS} labels`)
    .optional()
    .describe('Labels to select this node by.'),
  passports: z
    .array(z.string().min(1))
    .max(MAX_ENTRIES)
    .optional()
    .describe('Files of passports to publish, from here.'),
  cpu: amount(parseCpuMilli, 'a CPU amount such as 2, 0.5 or 500m').optional().describe('Offer so many cores.'),
  memory: amount(parseBytes, 'an amount of bytes such as 512Mi, 1.5Gi, 1G or 1e9')
    .optional()
    .describe('Offer so much.'),
  page: z
    .union([z.literal(false), z.strictObject({ port })], { error: 'expected false, or port: and a number' })
    .optional()
    .describe('The status page: false for none. Default: port 4180.'),
  api: ApiPart.optional().describe('Listen for others who use the API: see docs/ACCESS.md.'),
  jwt: JwtPart.optional().describe('Take the JWTs of an issuer.'),
  logLevel: z.enum(LOG_LEVELS).optional().describe('What the log does not leave out. Default: info.'),
  settings: OwnSettings.optional().describe('Settings of this node, where its cluster lets it.'),
})
export type ConfigFile = z.infer<typeof ConfigFile>

/**
 * The options a file names.
 * @throws YamlFileError `bad-config` with file, line and field of each mistake; CliError usage when it cannot be read
 */
export function readConfigFile(path: string): Omit<DaemonOptions, 'paths'> {
  const text = readText(path)
  // A file in which everything is commented out says nothing, and is no mistake.
  if (text.split('\n').every((line) => /^\s*(#|$)/.test(line))) return {}
  const [document] = readYamlFile(text, path, {
    schema: ConfigFile,
    code: 'bad-config',
    one: 'configuration (name, labels, join and so on)',
    many: 'configuration',
    maxBytes: MAX_FILE_BYTES,
    tooLargeFix: 'name what you can in fewer words',
    maxDocuments: 1,
  })
  return optionsOf(document!.value, dirname(resolve(path)))
}

function readText(path: string): string {
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES / 1024} KiB`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw usageError(`${shownWord(path)}: cannot be read: ${describeFileError(error)}`, 'name another with --config')
  }
}

function optionsOf(file: ConfigFile, directory: string): Omit<DaemonOptions, 'paths'> {
  const { name, cluster, join, listen, port: meshPort, mdns, dht, relay, open, trust, logLevel, page } = file
  const capacity = {
    ...(file.cpu !== undefined && { cpuMilli: parseCpuMilli(String(file.cpu)) }),
    ...(file.memory !== undefined && { memoryBytes: parseBytes(String(file.memory)) }),
  }
  const options = {
    ...{ name, cluster, join, listen, port: meshPort, mdns, dht, relay, open, trust, logLevel },
    publicNetwork: file.public,
    isolatedNetwork: file.isolatedNetwork,
    remote: file.api && placeOf(file.api, directory),
    jwt: file.jwt && issuerOf(file.jwt, directory),
    labels: file.labels && texts(file.labels),
    settings: file.settings && texts(file.settings),
    passportFiles: file.passports?.map((passport) => resolve(directory, passport)),
    page: page === undefined || page === false ? page : { host: DEFAULT_PAGE.host, port: page.port },
    capacity: Object.keys(capacity).length === 0 ? undefined : capacity,
  }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function texts(values: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]))
}

/** What the command line says goes before what the file says; of labels and settings one by one. */
export function merged(file: Omit<DaemonOptions, 'paths'>, line: DaemonOptions): DaemonOptions {
  const { labels, settings, capacity } = file
  return {
    ...file,
    ...line,
    ...(labels && { labels: { ...labels, ...line.labels } }),
    ...(settings && { settings: { ...settings, ...line.settings } }),
    ...(capacity && { capacity: { ...capacity, ...line.capacity } }),
  }
}
