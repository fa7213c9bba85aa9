/**
 * What a machine is made of, as its own passport says it, and how loaded it is.
 *
 * Everything here is gossiped to every member, so it is compact: sizes are capped one by one and the
 * probe keeps the whole below `HARDWARE_LIMITS.bytes`. Readers ignore fields they do not know, so that
 * a newer machine may say more than an older peer understands.
 */
import * as z from 'zod'

/** Caps of the summary; a machine with more of something names the first ones. */
export const HARDWARE_LIMITS = {
  disks: 16,
  interfaces: 16,
  addressesPerInterface: 8,
  features: 64,
  /** The whole summary. The passport around it, labels and addresses included, must fit into 8 KiB. */
  bytes: 4096,
  /** Characters in a model name. */
  model: 128,
  /** Characters in any other text. */
  text: 64,
  /** Characters of a mount point; a disk mounted deeper is shown without one. */
  mount: 128,
  /** Characters of a host name, as DNS has it. */
  hostname: 253,
} as const

const text = z.string().max(HARDWARE_LIMITS.text)
const bytes = z.int().min(0)

/** The machine's processors. */
export const CpuSummary = z.object({
  /** As the maker prints it; several kinds of core in one chip are joined by ` + `. `unknown` if it does not say. */
  model: z.string().min(1).max(HARDWARE_LIMITS.model),
  /** Short name of the maker (`Intel`, `AMD`, `ARM`, `Apple`…), as node-feature-discovery writes it. */
  vendor: text.min(1),
  /** What the kernel runs on, in the words of `uname -m`: `x86_64`, `aarch64`… */
  architecture: text.min(1),
  sockets: z.int().min(1).optional(),
  /** Cores of the machine that are online, whoever may use them. */
  physicalCores: z.int().min(1),
  /** Hardware threads of the machine that are online, whoever may use them. */
  logicalCores: z.int().min(1),
  /** What this daemon may use of them, in thousandths of a core, where a quota or affinity mask holds it below all. */
  limitMilli: z.int().min(1).optional(),
  /** Instruction-set extensions worth choosing a machine by, in node-feature-discovery's spelling, sorted. */
  features: z.array(z.string().regex(/^[A-Za-z0-9_]{1,32}$/)).max(HARDWARE_LIMITS.features),
  /** Highest rated frequency of the fastest core. Absent where the platform hides it, as in most guests. */
  maxMHz: z.int().min(1).optional(),
  /** Whether virtual machines can run here without emulating the CPU (VT-x, AMD-V, KVM). Absent when nothing tells. */
  virtualization: z.boolean().optional(),
})
export type CpuSummary = z.infer<typeof CpuSummary>

/** The machine's memory. */
export const MemorySummary = z.object({
  /** Physical memory of the machine, less what the kernel keeps for itself. */
  totalBytes: bytes,
  /** The tightest cgroup limit above this daemon, when it is below the total. */
  limitBytes: bytes.optional(),
})
export type MemorySummary = z.infer<typeof MemorySummary>

/** The operating system, and this daemon's place on it. */
export const OsSummary = z.object({
  /** Node's name of it: `linux`, `darwin`, `win32`… */
  platform: text.min(1),
  /** `ID` of os-release (`debian`, `fedora`…); elsewhere what the system calls itself. */
  distribution: text,
  /** Version of the distribution; empty for a rolling one. */
  version: text,
  kernel: text,
  /** Architecture of this daemon's own program, in Go's and Kubernetes' words: `amd64`, `arm64`… */
  arch: text.min(1),
  hostname: z.string().max(HARDWARE_LIMITS.hostname),
})
export type OsSummary = z.infer<typeof OsSummary>

/** One physical disk. */
export const DiskSummary = z.object({
  /** Kernel name: `nvme0n1`, `sda`, `disk0`. */
  name: text.min(1),
  sizeBytes: bytes,
  /** True for a disk with platters, as the kernel believes. */
  rotational: z.boolean().optional(),
  /** Where it is mounted; of several file systems on it the one with most free space. */
  mount: z.string().min(1).max(HARDWARE_LIMITS.mount).optional(),
  /** Free to an ordinary user at that mount, when the probe ran. */
  freeBytes: bytes.optional(),
})
export type DiskSummary = z.infer<typeof DiskSummary>

/** One network interface that others might reach the machine by. */
export const InterfaceSummary = z.object({
  name: text.min(1),
  mac: text.optional(),
  /** IP addresses without prefix length; loopback and link-local ones are left out. */
  addresses: z.array(text.min(1)).max(HARDWARE_LIMITS.addressesPerInterface),
  /** Negotiated link speed, megabits per second. Absent for links that have none. */
  speedMbps: z.int().min(1).optional(),
})
export type InterfaceSummary = z.infer<typeof InterfaceSummary>

/** What a machine is made of; goes into its passport as `spec.node.hardware`. */
export const HardwareSummary = z.object({
  cpu: CpuSummary,
  memory: MemorySummary,
  os: OsSummary,
  disks: z.array(DiskSummary).max(HARDWARE_LIMITS.disks),
  interfaces: z.array(InterfaceSummary).max(HARDWARE_LIMITS.interfaces),
})
export type HardwareSummary = z.infer<typeof HardwareSummary>

/** How loaded a machine is, as seen by its daemon. */
export const LoadSample = z.object({
  /** When it was taken, Unix milliseconds. */
  atMs: z.int().min(0),
  /** The time `cpuRatio` is averaged over; 0 when there was none yet and it is an estimate from the load average. */
  intervalMs: z.int().min(0),
  /** Share of the CPU in use, 0 to 1: of the machine's, or of the quota's where that is fuller. */
  cpuRatio: z.number().min(0).max(1),
  /** What a new task could take without swapping, of the machine and of every cgroup above the daemon. */
  memoryAvailableBytes: bytes,
  /** The kernel's one-minute load average, in runnable tasks; 0 on Windows, which has none. */
  loadAverage1m: z.number().min(0),
})
export type LoadSample = z.infer<typeof LoadSample>
