/** Disks of a Linux machine, from /sys/block and the mount table. */
import { type DiskSummary, HARDWARE_LIMITS } from '../model/hardware.ts'
import { type FileTree, readInteger, readLine } from './file-tree.ts'
import { type MountEntry, parseMountinfo } from './proc.ts'

const BLOCK_DIR = '/sys/block'
/** The kernel counts sizes in these, whatever the disk's own sector size. */
const SECTOR_BYTES = 512
/** Mounts asked for their free space, for each disk. */
const MOUNTS_PER_DISK = 4
/** A file system that takes longer to answer is shown without its free space. */
const FREE_SPACE_TIMEOUT_MS = 100
/** LUKS on LVM on RAID is three. */
const STACK_DEPTH_MAX = 5

/** Reads the physical disks, in the order of their names. */
export async function readLinuxDisks(tree: FileTree): Promise<DiskSummary[]> {
  const devices = tree.list(BLOCK_DIR)
  const names = devices.filter((name) => isDisk(tree, name)).slice(0, HARDWARE_LIMITS.disks)
  if (names.length === 0) return []
  const mounts = mountsByDisk(tree, names, devices)
  return Promise.all(
    names.map(async (name) => {
      const rotational = readInteger(tree, `${BLOCK_DIR}/${name}/queue/rotational`)
      return {
        name: name.slice(0, HARDWARE_LIMITS.text),
        sizeBytes: sectors(tree, name) * SECTOR_BYTES,
        ...(rotational !== undefined && { rotational: rotational !== 0 }),
        ...(await roomiest(tree, mounts.get(name) ?? [])),
      }
    }),
  )
}

/** Loop devices, RAM disks and stacked volumes have no device behind them; drives without a medium have no size. */
function isDisk(tree: FileTree, name: string): boolean {
  if (/^(?:sr|fd)\d|boot\d$|rpmb$/.test(name)) return false
  const dir = `${BLOCK_DIR}/${name}`
  return tree.exists(`${dir}/device`) && readLine(tree, `${dir}/hidden`) !== '1' && sectors(tree, name) > 0
}

function sectors(tree: FileTree, name: string): number {
  const count = readInteger(tree, `${BLOCK_DIR}/${name}/size`) ?? 0
  return Number.isSafeInteger(count * SECTOR_BYTES) ? Math.max(0, count) : 0
}

/** For each disk the mount points of file systems on it, its partitions, or volumes stacked on them. */
function mountsByDisk(tree: FileTree, disks: readonly string[], devices: readonly string[]): Map<string, string[]> {
  const diskOf = diskByDevice(tree, disks, devices)
  const mounts = new Map<string, string[]>()
  for (const mount of parseMountinfo(tree.read('/proc/self/mountinfo') ?? '')) {
    if (!isWhole(mount) || mount.mountPoint.length > HARDWARE_LIMITS.mount) continue
    // Btrfs has device numbers of its own making; there the source tells.
    const disk = diskOf.get(mount.device) ?? diskOf.get(mount.source)
    if (disk === undefined) continue
    const points = mounts.get(disk) ?? []
    points.push(mount.mountPoint)
    mounts.set(disk, points)
  }
  return mounts
}

/** A bind mount of a file or directory is no place of its own, unless it is all the root there is. */
function isWhole({ root, mountPoint, fsType }: MountEntry): boolean {
  return root === '/' || mountPoint === '/' || fsType === 'btrfs'
}

/** Names every block device on a disk in both ways the mount table may: `major:minor` and `/dev/…`. */
function diskByDevice(tree: FileTree, disks: readonly string[], devices: readonly string[]): Map<string, string> {
  const diskOf = new Map<string, string>()
  const add = (device: string, dir: string, disk: string): void => {
    const number = readLine(tree, `${dir}/dev`)
    if (number !== undefined) diskOf.set(number, disk)
    diskOf.set(`/dev/${device}`, disk)
    const mapped = device.startsWith('dm-') ? readLine(tree, `${dir}/dm/name`) : undefined
    if (mapped !== undefined) diskOf.set(`/dev/mapper/${mapped}`, disk)
  }
  for (const disk of disks) {
    const dir = `${BLOCK_DIR}/${disk}`
    add(disk, dir, disk)
    for (const entry of tree.list(dir)) if (entry.startsWith(disk)) add(entry, `${dir}/${entry}`, disk)
  }
  for (const device of devices) {
    const disk = disks.includes(device) ? undefined : diskBelow(tree, device, diskOf)
    if (disk !== undefined) add(device, `${BLOCK_DIR}/${device}`, disk)
  }
  return diskOf
}

/** Follows a stacked volume (LVM, LUKS, RAID) down to the first disk below it. */
function diskBelow(tree: FileTree, device: string, diskOf: ReadonlyMap<string, string>): string | undefined {
  let at = device
  for (let depth = 0; depth < STACK_DEPTH_MAX; depth++) {
    const slave = tree.list(`${BLOCK_DIR}/${at}/slaves`)[0]
    if (slave === undefined) return undefined
    const disk = diskOf.get(`/dev/${slave}`)
    if (disk !== undefined) return disk
    at = slave
  }
  return undefined
}

/** Of the mount points with the shortest paths the one with most free space. */
async function roomiest(
  tree: FileTree,
  mountPoints: readonly string[],
): Promise<{ mount?: string; freeBytes?: number }> {
  const candidates = [...new Set(mountPoints)].toSorted((a, b) => a.length - b.length).slice(0, MOUNTS_PER_DISK)
  let best: { mount?: string; freeBytes?: number } = candidates[0] === undefined ? {} : { mount: candidates[0] }
  const free = await Promise.all(candidates.map((mount) => withinTime(tree.freeBytes(mount))))
  for (const [index, freeBytes] of free.entries()) {
    if (freeBytes === undefined || !Number.isSafeInteger(freeBytes)) continue
    if (freeBytes > (best.freeBytes ?? -1)) best = { mount: candidates[index]!, freeBytes }
  }
  return best
}

async function withinTime<T>(answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), FREE_SPACE_TIMEOUT_MS)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
