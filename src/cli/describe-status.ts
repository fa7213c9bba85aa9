/** The daemon's status as text: what `status` prints, and `up` once the daemon is there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StatusView } from '../model/api.ts'
import type { MembershipView } from '../model/cluster.ts'
import { describeCordon } from '../model/cordon-words.ts'
import { drawFields, type Field } from './fields.ts'
import { formatDuration, formatResources } from './format.ts'
import type { Paint } from './terminal.ts'
import { styleOfNode } from './views.ts'

/** All of it, one field a line. `page`: the link to its page. */
export function describeStatus(status: StatusView, paint: Paint, page: string | undefined): string {
  const state = `${status.state}, up for ${formatDuration(status.uptimeMs)}, pid ${status.pid}`
  return drawFields(
    [
      ['node', status.name],
      ['peer', status.peerId],
      ['cluster', status.cluster],
      ['state', { text: state, style: styleOfNode(status.state) }],
      ['takes', status.cordon && { text: `no new tasks: ${describeCordon(status.cordon)}`, style: 'yellow' }],
      status.open
        ? ['open', { text: 'YES: runs tasks of anyone who connects', style: 'red' }]
        : ['open', `no: runs tasks of ${whose(status)} and of those in \`althing trust list\``],
      ...governance(status),
      ...policies(status),
      ...trials(status),
      ['cut off', status.cutOff ? { text: 'PERHAPS: too many nodes vanished at once', style: 'red' } : undefined],
      ...quarantined(status),
      ...auditAlarms(status),
      ['page', page],
      ['api', api(status)],
      ['join by', status.addresses],
      ['dialable', dialable(status)],
      ['capacity', formatResources(status.capacity)],
      ['reserved', formatResources(status.reserved)],
      ['limits', `CPU by ${status.enforcement.cpu}, memory by ${status.enforcement.memory}`],
      ['isolation', isolation(status)],
      ['nodes', counts(status.nodes)],
      ['connected', String(status.peers.length - status.network.foreign.length)],
      ...missingJoins(status),
      ['tasks', counts(status.tasks)],
      ['running', `${status.running} on this machine`],
      ['version', status.version],
      ['data', status.dataDir],
      ['socket', status.socketPath],
    ],
    paint,
  )
}

/** Where others ask; or, in red, why they cannot. */
function api({ apiUrl, apiShut }: StatusView): Field[1] {
  return apiShut === undefined ? apiUrl : { text: `NOT OPEN: ${apiShut.why} (${apiShut.fix})`, style: 'red' }
}

/** Settings that are being tried, or were given up; what holds everywhere is for `althing config get`. */
function trials({ governance: place }: StatusView): Field[] {
  const { version, stage } = place?.configuration ?? {}
  if (stage === 'trial') return [['settings', `version ${version} is being tried: see \`althing config get\``]]
  if (stage !== 'rolled-back') return []
  return [['settings', { text: `version ${version} was GIVEN UP: see \`althing config get\``, style: 'red' }]]
}

/** That of the node, and those that its cluster decided. */
function policies({ policy, governance: place }: StatusView): Field[] {
  return [
    ['policy', policy && `${policy.name}, version ${policy.version}`],
    ['of the cluster', place?.policy && decidedPolicy(place.policy)],
    ['of the network', place?.networkPolicy && decidedPolicy(place.networkPolicy)],
  ]
}

function decidedPolicy({ name, version, unusable }: NonNullable<MembershipView['policy']>): Field[1] {
  const shown = `${name}, version ${version}`
  if (unusable === undefined) return shown
  return { text: `${shown}: CANNOT BE USED, everything is refused`, style: 'red' }
}

/** Whether work of other owners can run here. */
function isolation({ isolation: { works, by, version, network, why, fix } }: StatusView): string {
  if (!works) return `none: ${why} (${fix})`
  return `${by} ${version}, ${network ? "with this host's network" : 'no network'}`
}

function whose({ governance: place }: StatusView): string {
  return place?.owner === undefined ? 'itself' : `members of owner ${place.owner}`
}

/** What is wrong with its place in the cluster, if it has one. */
function governance({ governance: place }: StatusView): Field[] {
  if (place === undefined) return []
  const red = (name: string, text: string): Field => [name, { text, style: 'red' }]
  return [
    ['cluster id', place.id],
    ...(place.owner === undefined ? [red('NO MEMBER', 'of this cluster any more; `althing leave` gives it up')] : []),
    ...(place.fresh ? [] : [red('STALE', 'no other members confirmed lately who belongs: takes no work of others')]),
    ...(place.forked ? [red('FORKED', 'two valid entries follow one in the log: see `althing gov log`')] : []),
  ]
}

/**
 * The page's address, of a cluster beside the first with what shows that one. The token goes behind the `#`, which
 * browsers keep to themselves. Whoever may read its file gets it; others get the address without.
 * @param dataDir where a daemon of this machine keeps it; undefined for that of another
 * @param cluster as named; undefined for the first
 */
export function pageLink(
  { pageUrl, clusters }: StatusView,
  dataDir: string | undefined,
  cluster?: string,
): string | undefined {
  if (pageUrl === undefined) return dataDir === undefined ? undefined : 'off'
  const token = dataDir === undefined ? [] : tokenIn(dataDir)
  const view = cluster === undefined || cluster === clusters[0] ? [] : [`/clusters/${cluster}/`]
  const fragment = [...token, ...view].join('&')
  return fragment === '' ? pageUrl : `${pageUrl}#${fragment}`
}

function tokenIn(dataDir: string): string[] {
  try {
    return [`token=${readFileSync(join(dataDir, 'api-token'), 'utf8').trim()}`]
  } catch {
    return []
  }
}

/** Who is cut off for what it signed. */
function quarantined({ quarantined: all }: StatusView): Field[] {
  return all.map(({ peer, name, kind, epoch, seq }) => {
    const who = name === '' ? peer : `${name} (${peer})`
    const text = `${who} signed two records under one number (${kind} ${epoch}.${seq}): its key is in two hands`
    return ['QUARANTINED', { text, style: 'red' }] satisfies Field
  })
}

/** Logs that contradict themselves. */
function auditAlarms({ audit }: StatusView): Field[] {
  return audit.alarms.map(({ name, what }) => {
    const text = `the audit log of ${name} is ${what}: see \`althing audit verify\``
    return ['AUDIT ALARM', { text, style: 'red' }] satisfies Field
  })
}

/** What keeps it from the mesh that its user meant. */
function missingJoins({ network: { missing, foreign }, cluster }: StatusView): Field[] {
  const clusters = [...new Set(foreign.map((peer) => peer.cluster))]
  const others = clusters.map((name) => {
    const peers = foreign.filter((peer) => peer.cluster === name).length
    const text = `${peers} of cluster ${name} answered, this one is of ${cluster}: nothing is exchanged`
    return ['NOT JOINED', { text, style: 'red' }] satisfies Field
  })
  const silent = missing.map(
    ({ address, why }) => ['NOT JOINED', { text: `${address}: ${why}; tried again`, style: 'red' }] satisfies Field,
  )
  return [...others, ...silent]
}

function dialable({ network: { dialable: can, relays }, links }: StatusView): string {
  const relayed = links.filter(({ relay }) => relay !== undefined).length
  const words = {
    yes: 'yes',
    partly: 'by some only',
    no: 'no',
    unknown: 'not known yet',
  } as const
  const by =
    relays.length === 0 ? '' : `, reached by way of ${relays.length} ${relays.length === 1 ? 'relay' : 'relays'}`
  return `${words[can]}${by}${relayed === 0 ? '' : `; ${relayed} of ${links.length} links are relayed`}`
}

function counts(record: Readonly<Partial<Record<string, number>>>): string {
  const shown = Object.entries(record).filter(([, count]) => count !== 0)
  return shown.length === 0 ? 'none' : shown.map(([name, count]) => `${count} ${name}`).join(', ')
}
