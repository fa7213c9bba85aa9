/** Processors of a Linux machine, from /proc/cpuinfo and /sys. */
import type { CpuSummary } from '../model/hardware.ts'
import { armPartName, armVendor, featuresOf, vendorName } from './cpu-names.ts'
import { type FileTree, readInteger } from './file-tree.ts'
import { type CpuinfoFacts, parseCpuinfo, parseCpuList } from './proc.ts'

const CPU_DIR = '/sys/devices/system/cpu'

/**
 * Reads what the kernel says of the processors; undefined when it says nothing at all.
 * `limitMilli` is left to the caller, who knows the quota.
 */
export function readLinuxCpu(tree: FileTree, machine: string): CpuSummary | undefined {
  const cpuinfo = parseCpuinfo(tree.read('/proc/cpuinfo') ?? '')
  if (cpuinfo.fields.size === 0 && cpuinfo.processors === 0) return undefined
  const online = onlineCpus(tree, cpuinfo)
  const physicalCores = countGroups(tree, online, ['core_cpus_list', 'thread_siblings_list'])
  const sockets = countGroups(tree, online, ['package_cpus_list', 'core_siblings_list'])
  // The kernel's x86 calls them flags, its ARM features.
  const x86Flags = cpuinfo.fields.get('flags')
  const armFlags = cpuinfo.fields.get('features') ?? ''
  const maxMHz = readMaxMHz(tree)
  const virtualization = canVirtualize(tree, x86Flags)
  return {
    model: modelName(cpuinfo),
    vendor: vendor(cpuinfo),
    architecture: machine,
    ...(sockets !== undefined && { sockets }),
    // A kernel that hides the topology is taken to have no hardware threads.
    physicalCores: physicalCores ?? online.length,
    logicalCores: online.length,
    features: x86Flags === undefined ? featuresOf(armFlags, 'arm') : featuresOf(x86Flags, 'x86'),
    ...(maxMHz !== undefined && { maxMHz }),
    ...(virtualization !== undefined && { virtualization }),
  }
}

/** How many hardware threads this process may be scheduled on (cpuset and affinity mask), if that is told. */
export function readAllowedCpus(tree: FileTree): number | undefined {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(tree.read('/proc/self/status') ?? '')
  const count = list === null ? 0 : parseCpuList(list[1]!).length
  return count === 0 ? undefined : count
}

function onlineCpus(tree: FileTree, cpuinfo: CpuinfoFacts): number[] {
  const online = parseCpuList(tree.read(`${CPU_DIR}/online`) ?? '')
  return online.length > 0 ? online : Array.from({ length: Math.max(1, cpuinfo.processors) }, (_, cpu) => cpu)
}

/**
 * Counts groups of CPUs (cores or packages): each file lists a group's members, so one read a group does,
 * where reading ids takes one a CPU and ids repeat across dies. Undefined when the files are not there.
 * The second name is what kernels before 5.3 called the first.
 */
function countGroups(tree: FileTree, online: readonly number[], names: readonly string[]): number | undefined {
  const counted = new Set<number>()
  let groups = 0
  for (const cpu of online) {
    if (counted.has(cpu)) continue
    const list = names
      .map((name) => tree.read(`${CPU_DIR}/cpu${cpu}/topology/${name}`))
      .find((text) => text !== undefined)
    if (list === undefined) return undefined
    groups += 1
    counted.add(cpu)
    for (const member of parseCpuList(list)) counted.add(member)
  }
  return groups
}

function modelName({ fields, armParts }: CpuinfoFacts): string {
  const told = fields.get('model name') ?? fields.get('cpu model')
  if (told !== undefined) return told
  if (armParts.length > 0) return armParts.map(armPartName).join(' + ')
  // POWER says `cpu`, RISC-V `uarch`, old ARM kernels `Processor`.
  return fields.get('cpu') ?? fields.get('uarch') ?? fields.get('processor') ?? 'unknown'
}

function vendor({ fields, armParts }: CpuinfoFacts): string {
  const vendorId = fields.get('vendor_id')
  if (vendorId !== undefined) return vendorName(vendorId)
  const ofArm = armParts[0] === undefined ? undefined : armVendor(armParts[0])
  return ofArm ?? (fields.get('cpu')?.startsWith('POWER') === true ? 'IBM' : 'unknown')
}

/** Each policy is one frequency domain; its file is in kHz. */
function readMaxMHz(tree: FileTree): number | undefined {
  let maxKHz = 0
  for (const policy of tree.list(`${CPU_DIR}/cpufreq`)) {
    if (!policy.startsWith('policy')) continue
    maxKHz = Math.max(maxKHz, readInteger(tree, `${CPU_DIR}/cpufreq/${policy}/cpuinfo_max_freq`) ?? 0)
  }
  return maxKHz >= 1000 ? Math.round(maxKHz / 1000) : undefined
}

/** x86 has a flag for it. KVM's device proves it too, even in a guest without the flag; its absence proves nothing. */
function canVirtualize(tree: FileTree, x86Flags: string | undefined): boolean | undefined {
  if (/\b(?:vmx|svm)\b/.test(x86Flags ?? '') || tree.exists('/dev/kvm')) return true
  return x86Flags === undefined ? undefined : false
}
