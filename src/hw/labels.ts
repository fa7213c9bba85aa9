/**
 * Labels that a machine gets from its hardware, under the names Kubernetes and its node-feature-discovery use,
 * so that selectors written for a Kubernetes node choose the same machines here.
 * https://kubernetes-sigs.github.io/node-feature-discovery/stable/usage/features.html
 */
import type { HardwareSummary } from '../model/hardware.ts'
import { isLabelKey, isLabelValue, type Labels } from '../model/labels.ts'

const FEATURE = 'feature.node.kubernetes.io'

/**
 * Features that node-feature-discovery finds but does not label by default: every machine of the last ten years
 * has them. They stay in the passport's hardware. Leaving them out here saves a third of the labels' bytes.
 */
const UNLABELLED: ReadonlySet<string> = new Set(
  'BMI1 BMI2 CLMUL CX16 F16C LZCNT POPCNT RDRAND RDSEED SSE3 SSE4 SSE42 SSSE3'.split(' '),
)

/** Only valid keys and values come out: what cannot be made to fit the grammar is left out. */
export function deriveLabels({ cpu, os, disks }: HardwareSummary): Labels {
  const labels: Labels = {}
  const put = (key: string, value: string | undefined): void => {
    const clean = toLabelValue(value ?? '')
    if (clean !== '' && isLabelKey(key)) labels[key] = clean
  }
  put('kubernetes.io/arch', os.arch)
  put('kubernetes.io/os', os.platform === 'win32' ? 'windows' : os.platform)
  put('kubernetes.io/hostname', os.hostname.toLowerCase())
  for (const feature of cpu.features) {
    if (!UNLABELLED.has(feature)) put(`${FEATURE}/cpu-cpuid.${feature}`, 'true')
  }
  put(`${FEATURE}/cpu-hardware_multithreading`, String(cpu.logicalCores > cpu.physicalCores))
  put(`${FEATURE}/cpu-model.vendor_id`, cpu.vendor === 'unknown' ? undefined : cpu.vendor)
  putVersion(put, `${FEATURE}/kernel-version`, ['full', 'major', 'minor', 'revision'], os.kernel)
  put(`${FEATURE}/system-os_release.ID`, os.distribution)
  put(`${FEATURE}/system-os_release.VERSION_ID`, os.version)
  putVersion(put, `${FEATURE}/system-os_release.VERSION_ID`, [undefined, 'major', 'minor'], os.version)
  if (disks.some(({ rotational }) => rotational === false)) put(`${FEATURE}/storage-nonrotationaldisk`, 'true')
  return labels
}

/** The whole version under the first name, its leading numbers under the others. */
function putVersion(
  put: (key: string, value: string | undefined) => void,
  key: string,
  [whole, ...parts]: readonly (string | undefined)[],
  version: string,
): void {
  if (whole !== undefined) put(`${key}.${whole}`, version)
  const numbers = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(version) ?? []
  for (const [index, part] of parts.entries()) put(`${key}.${part}`, numbers[index + 1])
}

/** Replaces what a label value may not hold by `_`, and cuts it to 63 characters that start and end well. */
export function toLabelValue(text: string): string {
  const value = text
    .trim()
    .replaceAll(/[^-A-Za-z0-9_.]/g, '_')
    .replace(/^[-_.]+/, '')
    .slice(0, 63)
    .replace(/[-_.]+$/, '')
  return isLabelValue(value) ? value : ''
}
