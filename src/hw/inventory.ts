/**
 * Takes stock of the machine, once, when the daemon starts.
 *
 * On Linux it reads /proc and /sys itself: some milliseconds and no process started. Elsewhere, and for what a
 * cut-down /proc lacks, it asks `systeminformation`.
 */
import os from 'node:os'
import {
  type CpuSummary,
  type DiskSummary,
  HARDWARE_LIMITS,
  type HardwareSummary,
  type OsSummary,
} from '../model/hardware.ts'
import { type CgroupLimits, findCgroups, readCgroupLimits } from './cgroup.ts'
import { askCpu, askDisks, askOs } from './fallback.ts'
import { type FileTree, fileTree, readLine } from './file-tree.ts'
import { type AddressTable, readInterfaces } from './interfaces.ts'
import { readAllowedCpus, readLinuxCpu } from './linux-cpu.ts'
import { readLinuxDisks } from './linux-disks.ts'
import { parseMeminfo, parseOsRelease } from './proc.ts'

/** All are for tests; the defaults describe the machine this runs on. */
export interface ProbeOptions {
  /** Where /proc, /sys and /etc are found. @default the tree at `/` */
  readonly tree?: FileTree
  /** @default process.platform */
  readonly platform?: string
  /** Node's word for the architecture of this program. @default process.arch */
  readonly arch?: string
  /** Addresses by interface. @default os.networkInterfaces() */
  readonly addresses?: AddressTable
}

/** Never rejects for want of information: what cannot be found out is left out, or is what Node knows. */
export async function probeHardware(options: ProbeOptions = {}): Promise<HardwareSummary> {
  const platform = options.platform ?? process.platform
  const tree = platform === 'linux' ? (options.tree ?? fileTree()) : undefined
  const machine = (tree && readLine(tree, '/proc/sys/kernel/arch')) ?? os.machine()
  const limits = tree === undefined ? {} : readCgroupLimits(tree, findCgroups(tree))
  const [cpu, release, disks] = await Promise.all([
    probeCpu(tree, machine, limits),
    probeRelease(tree),
    probeDisks(tree),
  ])
  return fitted({
    cpu,
    memory: probeMemory(tree, limits),
    os: {
      platform,
      ...release,
      kernel: (tree && readLine(tree, '/proc/sys/kernel/osrelease')) ?? os.release(),
      arch: goArch(options.arch ?? process.arch),
      hostname: (tree && readLine(tree, '/proc/sys/kernel/hostname')) ?? os.hostname(),
    },
    disks,
    interfaces: readInterfaces(tree, options.addresses ?? os.networkInterfaces()),
  })
}

async function probeCpu(
  tree: FileTree | undefined,
  machine: string,
  { cpuMilli = Infinity }: CgroupLimits,
): Promise<CpuSummary> {
  const cpu = (tree && readLinuxCpu(tree, machine)) ?? (await askCpu(machine).catch(() => cpuByNode(machine)))
  if (tree === undefined) return cpu
  const limitMilli = Math.min(cpuMilli, (readAllowedCpus(tree) ?? Infinity) * 1000)
  return limitMilli < cpu.logicalCores * 1000 ? { ...cpu, limitMilli } : cpu
}

/** The least that Node itself knows, for when `systeminformation` fails too. */
function cpuByNode(machine: string): CpuSummary {
  const cpus = os.cpus()
  const logicalCores = Math.max(1, cpus.length)
  const model = cpus[0]?.model || 'unknown'
  return { model, vendor: 'unknown', architecture: machine, physicalCores: logicalCores, logicalCores, features: [] }
}

function probeMemory(tree: FileTree | undefined, { memoryBytes: limitBytes }: CgroupLimits): HardwareSummary['memory'] {
  const totalBytes = (tree && parseMeminfo(tree.read('/proc/meminfo') ?? '').get('MemTotal')) ?? os.totalmem()
  return { totalBytes, ...(limitBytes !== undefined && limitBytes < totalBytes && { limitBytes }) }
}

async function probeRelease(tree: FileTree | undefined): Promise<Pick<OsSummary, 'distribution' | 'version'>> {
  const text = tree && (tree.read('/etc/os-release') ?? tree.read('/usr/lib/os-release'))
  if (text !== undefined) {
    const release = parseOsRelease(text)
    // The defaults are those of os-release(5).
    return { distribution: release.get('ID') ?? 'linux', version: release.get('VERSION_ID') ?? '' }
  }
  return askOs().catch(() => ({ distribution: os.type(), version: '' }))
}

async function probeDisks(tree: FileTree | undefined): Promise<DiskSummary[]> {
  // A container without /sys/block has no disks of its own to tell of.
  return tree === undefined ? askDisks().catch(() => []) : readLinuxDisks(tree)
}

/** Go's and Kubernetes' words where they differ from Node's. */
function goArch(arch: string): string {
  const words: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', mipsel: 'mipsle' }
  return Object.hasOwn(words, arch) ? words[arch]! : arch
}

/**
 * Cuts texts to their caps and then, until the whole fits, drops the last of whichever list is longer: the lists are
 * ordered so that the last matters least. JSON is never shorter than the wire's encoding of the same.
 */
function fitted(summary: HardwareSummary): HardwareSummary {
  const { cpu, os: system } = summary
  const cut = (text: string, max: number = HARDWARE_LIMITS.text): string => text.slice(0, max).toWellFormed()
  const disks = summary.disks.map((disk) => ({ ...disk, name: cut(disk.name) }))
  const interfaces = summary.interfaces.map((one) => ({ ...one, name: cut(one.name) }))
  const result: HardwareSummary = {
    cpu: {
      ...cpu,
      model: cut(cpu.model, HARDWARE_LIMITS.model),
      vendor: cut(cpu.vendor),
      architecture: cut(cpu.architecture),
    },
    memory: summary.memory,
    os: {
      platform: cut(system.platform),
      distribution: cut(system.distribution),
      version: cut(system.version),
      kernel: cut(system.kernel),
      arch: cut(system.arch),
      hostname: cut(system.hostname, HARDWARE_LIMITS.hostname),
    },
    disks,
    interfaces,
  }
  while (Buffer.byteLength(JSON.stringify(result)) > HARDWARE_LIMITS.bytes && disks.length + interfaces.length > 0) {
    if (interfaces.length >= disks.length) interfaces.pop()
    else disks.pop()
  }
  return result
}
