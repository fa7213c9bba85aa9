/** `althing node NAME`: everything known of one machine. */
import type { Command } from 'commander'
import type { NodeView } from '../../model/api.ts'
import { describeCordon } from '../../model/cordon-words.ts'
import { formatBytes } from '../../model/quantity.ts'
import { contextOf } from '../context.ts'
import { drawFields } from '../fields.ts'
import { formatDuration, formatRatio, formatResources } from '../format.ts'
import { nodeArgument } from '../options.ts'
import type { Paint } from '../terminal.ts'
import { styleOfNode } from '../views.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('node')
    .summary('one machine in detail')
    .description('Show everything known of one machine.')
    .argument('<node>', 'its name or peer id, the beginning of one, or the end of the id', nodeArgument)
    .addHelpText('after', '\nExample:\n  althing node attic')
    .action(async (name: string, _options: object, command: Command) => {
      const { client, json, printJson, print, paint } = contextOf(command)
      const node = await client.get<NodeView>(`/v1/nodes/${encodeURIComponent(name)}`)
      if (json) printJson(node)
      else print(describeNode(node, paint))
    })
}

function describeNode(node: NodeView, paint: Paint): string {
  const every = node.heartbeatIntervalMs === undefined ? '' : ` (every ${formatDuration(node.heartbeatIntervalMs)})`
  const age = node.heartbeatAgeMs === undefined ? '' : `, heartbeat ${formatDuration(node.heartbeatAgeMs)} ago${every}`
  const link = node.self ? ', this node' : node.connected ? ', connected' : ''
  const pairs = (record: Readonly<Record<string, string>>): string[] =>
    Object.entries(record).map(([key, value]) => `${key}=${value}`)
  return drawFields(
    [
      ['name', node.name],
      ['peer', node.peerId],
      ['state', { text: `${node.state}${age}${link}`, style: styleOfNode(node.state) }],
      ['takes', node.cordon && { text: `no new tasks: ${describeCordon(node.cordon)}`, style: 'yellow' }],
      ['version', node.version],
      ['up for', node.uptimeMs === undefined ? undefined : formatDuration(node.uptimeMs)],
      ['capacity', node.capacity === undefined ? undefined : formatResources(node.capacity)],
      ['free', node.free === undefined ? undefined : formatResources(node.free)],
      ['load', `${formatRatio(node.cpuRatio)} of the CPU`],
      [
        'available',
        node.memoryAvailableBytes === undefined ? undefined : `${formatBytes(node.memoryAvailableBytes)} of memory`,
      ],
      ['tasks', node.tasks === undefined ? undefined : String(node.tasks)],
      ['drivers', node.drivers.join(', ')],
      [
        'limits',
        node.enforcement === undefined
          ? undefined
          : `CPU by ${node.enforcement.cpu}, memory by ${node.enforcement.memory}`,
      ],
      ['isolation', node.isolation],
      ['can do', node.capabilities.join(', ')],
      ['passports', node.passports.join(', ')],
      ['addresses', node.addresses],
      ['labels', pairs(node.labels)],
      ['notes', pairs(node.annotations)],
      ['hardware', node.hardware === undefined ? undefined : flatten(node.hardware)],
    ],
    paint,
  )
}

/** Free data as `a.b: value` lines. */
function flatten(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path === '' ? String(value) : `${path}: ${String(value)}`]
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return [`${path}: ${value.join(' ')}`]
  return Object.entries(value).flatMap(([key, child]) => flatten(child, path === '' ? key : `${path}.${key}`))
}
