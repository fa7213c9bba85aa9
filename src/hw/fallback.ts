/**
 * What the `systeminformation` package tells, for systems without /proc and for machines whose /proc is
 * incomplete. It starts processes (PowerShell, system_profiler, lscpu) and takes from a fifth of a second on
 * Linux to seconds on Windows, so it is loaded only when it is needed.
 */
import os from 'node:os'
import { type CpuSummary, type DiskSummary, HARDWARE_LIMITS, type OsSummary } from '../model/hardware.ts'
import { featuresOf, vendorName } from './cpu-names.ts'

/** A CommonJS package: its functions sit on `default`. */
const load = async () => (await import('systeminformation')).default

/** Processors. Figures the package lacks come from Node. */
export async function askCpu(machine: string): Promise<CpuSummary> {
  const cpu = await (await load()).cpu()
  const logicalCores = positive(cpu.cores) ?? Math.max(1, os.cpus().length)
  const sockets = positive(cpu.processors)
  const maxMHz = positive(Math.round((cpu.speedMax || cpu.speed) * 1000))
  const model = `${cpu.manufacturer} ${cpu.brand}`.trim()
  return {
    model: os.cpus()[0]?.model || model || 'unknown',
    vendor: vendorName(cpu.vendor || cpu.manufacturer) || 'unknown',
    architecture: machine,
    ...(sockets !== undefined && { sockets }),
    physicalCores: Math.min(logicalCores, positive(cpu.physicalCores) ?? logicalCores),
    logicalCores,
    features: featuresOf(cpu.flags, /^(?:x86|i\d86|amd64)/i.test(machine) ? 'x86' : 'arm'),
    ...(maxMHz !== undefined && { maxMHz }),
    virtualization: cpu.virtualization,
  }
}

/** The operating system's own name for itself. */
export async function askOs(): Promise<Pick<OsSummary, 'distribution' | 'version'>> {
  const { distro, release } = await (await load()).osInfo()
  return { distribution: distro, version: release === 'unknown' ? '' : release }
}

/** Physical disks, each with the roomiest file system whose device name starts with the disk's. */
export async function askDisks(): Promise<DiskSummary[]> {
  const information = await load()
  const [layout, fileSystems] = await Promise.all([information.diskLayout(), information.fsSize()])
  return layout.slice(0, HARDWARE_LIMITS.disks).map((disk) => {
    const device = disk.device || disk.name
    const roomiest = fileSystems
      .filter(
        ({ fs, mount }) => disk.device !== '' && fs.startsWith(disk.device) && mount.length <= HARDWARE_LIMITS.mount,
      )
      .toSorted((a, b) => b.available - a.available)[0]
    return {
      name: device.replace(/^(?:\/dev\/|\\\\\.\\)/, '').slice(0, HARDWARE_LIMITS.text) || 'disk',
      sizeBytes: positive(disk.size) ?? 0,
      ...(/^(?:HD|SSD|NVMe)$/.test(disk.type) && { rotational: disk.type === 'HD' }),
      ...(roomiest !== undefined && { mount: roomiest.mount, freeBytes: positive(roomiest.available) ?? 0 }),
    }
  })
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined
}
