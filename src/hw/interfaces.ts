/** Network interfaces: addresses from the system call, the rest from /sys where there is one. */
import type { NetworkInterfaceInfo } from 'node:os'
import { HARDWARE_LIMITS, type InterfaceSummary } from '../model/hardware.ts'
import { type FileTree, readInteger, readLine } from './file-tree.ts'

/** What `os.networkInterfaces()` returns. */
export type AddressTable = Readonly<Partial<Record<string, readonly NetworkInterfaceInfo[]>>>

const NET_DIR = '/sys/class/net'
const NO_MAC = '00:00:00:00:00:00'

/**
 * Interfaces that others could reach this machine by: real ones, plugged in or not, and virtual ones
 * that have an address. Real ones come first, so that a host full of container bridges still names them.
 */
export function readInterfaces(tree: FileTree | undefined, addressTable: AddressTable): InterfaceSummary[] {
  const found: { real: boolean; summary: InterfaceSummary }[] = []
  const names = new Set([...(tree?.list(NET_DIR) ?? []), ...Object.keys(addressTable)])
  for (const name of names) {
    const infos = addressTable[name] ?? []
    if (name === 'lo' || infos.some(({ internal }) => internal)) continue
    const real = tree === undefined || tree.exists(`${NET_DIR}/${name}/device`)
    const addresses = reachable(infos)
    if (!real && addresses.length === 0) continue
    const mac = (tree && readLine(tree, `${NET_DIR}/${name}/address`)) ?? infos[0]?.mac
    const speedMbps = tree && readInteger(tree, `${NET_DIR}/${name}/speed`)
    found.push({
      real,
      summary: {
        name: name.slice(0, HARDWARE_LIMITS.text),
        ...(mac !== undefined && mac !== NO_MAC && mac.length <= HARDWARE_LIMITS.text && { mac }),
        addresses,
        // Virtual drivers answer -1, and some 2^32-1.
        ...(speedMbps !== undefined && speedMbps > 0 && speedMbps < 2 ** 31 && { speedMbps }),
      },
    })
  }
  return found
    .toSorted((a, b) => Number(b.real) - Number(a.real))
    .slice(0, HARDWARE_LIMITS.interfaces)
    .map(({ summary }) => summary)
}

/** IPv4 first; addresses that only the same link can use say nothing to others. */
function reachable(infos: readonly NetworkInterfaceInfo[]): string[] {
  return infos
    .filter(({ address }) => !/^(?:fe[89ab]|169\.254\.)/i.test(address) && address.length <= HARDWARE_LIMITS.text)
    .toSorted((a, b) => (a.family === b.family ? 0 : a.family === 'IPv4' ? -1 : 1))
    .slice(0, HARDWARE_LIMITS.addressesPerInterface)
    .map(({ address }) => address)
}
