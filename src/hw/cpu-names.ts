/**
 * Names of processors: which instruction-set flags are worth telling others, and what ARM's numbers mean.
 *
 * Flags are told in the spelling of node-feature-discovery, which is that of github.com/klauspost/cpuid on x86
 * and the kernel's own in capitals on ARM, so that selectors written for Kubernetes nodes work unchanged.
 */
import { HARDWARE_LIMITS } from '../model/hardware.ts'

/** Linux (and macOS) x86 flag → feature. AVX-512 and AMX flags follow a rule instead, see `x86Feature`. */
const X86_FEATURES: Readonly<Record<string, string>> = {
  abm: 'LZCNT',
  adx: 'ADX',
  aes: 'AESNI',
  avx: 'AVX',
  'avx1.0': 'AVX',
  avx2: 'AVX2',
  avx_ifma: 'AVXIFMA',
  avx_ne_convert: 'AVXNECONVERT',
  avx_vnni: 'AVXVNNI',
  avx_vnni_int8: 'AVXVNNIINT8',
  avx_vnni_int16: 'AVXVNNIINT16',
  avx10: 'AVX10',
  bmi1: 'BMI1',
  bmi2: 'BMI2',
  cx16: 'CX16',
  f16c: 'F16C',
  fma: 'FMA3',
  fma4: 'FMA4',
  gfni: 'GFNI',
  hypervisor: 'HYPERVISOR',
  movbe: 'MOVBE',
  pclmulqdq: 'CLMUL',
  pni: 'SSE3',
  popcnt: 'POPCNT',
  rdrand: 'RDRAND',
  rdseed: 'RDSEED',
  sha_ni: 'SHA',
  sse4_1: 'SSE4',
  'sse4.1': 'SSE4',
  sse4_2: 'SSE42',
  'sse4.2': 'SSE42',
  sse4a: 'SSE4A',
  ssse3: 'SSSE3',
  svm: 'SVM',
  vaes: 'VAES',
  vmx: 'VMX',
  vpclmulqdq: 'VPCLMULQDQ',
}

/** ARM flags worth telling; the feature is the flag in capitals. 32- and 64-bit kernels share the list. */
const ARM_FEATURES: ReadonlySet<string> = new Set(
  (
    'aes asimd asimddp asimdfhm asimdhp asimdrdm atomics bf16 crc32 ebf16 fcma flagm flagm2 fp fphp i8mm idiva idivt ' +
    'jscvt lpae lrcpc mte neon pmull rng sha1 sha2 sha3 sha512 sm3 sm4 sme sme2 sve sve2 sveaes svebf16 svebitperm ' +
    'svef32mm svef64mm svei8mm svepmull svesha3 svesm4 vfp vfpv3 vfpv4'
  ).split(' '),
)
/** The two that node-feature-discovery does not write all in capitals. */
const ARM_SPELLINGS: Readonly<Record<string, string>> = { vfpv3: 'VFPv3', vfpv4: 'VFPv4' }

/** Whose words the flags are: `aes` is AESNI on x86 and AES on ARM. */
export type FlagFamily = 'x86' | 'arm'

/** Keeps the flags that matter, renamed, sorted, without repeats and at most as many as the summary carries. */
export function featuresOf(flags: string, family: FlagFamily): string[] {
  const features = new Set<string>()
  for (const flag of flags.toLowerCase().split(/\s+/)) {
    const feature = family === 'x86' ? x86Feature(flag) : armFeature(flag)
    if (feature !== undefined) features.add(feature)
  }
  return [...features].toSorted().slice(0, HARDWARE_LIMITS.features)
}

function x86Feature(flag: string): string | undefined {
  // avx512f, avx512_vnni, amx_tile → AVX512F, AVX512VNNI, AMXTILE.
  if (/^(?:avx512|amx)[_a-z0-9]{1,20}$/.test(flag)) return flag.replaceAll('_', '').toUpperCase()
  return Object.hasOwn(X86_FEATURES, flag) ? X86_FEATURES[flag] : undefined
}

function armFeature(flag: string): string | undefined {
  return ARM_FEATURES.has(flag) ? (ARM_SPELLINGS[flag] ?? flag.toUpperCase()) : undefined
}

/** What cpuid's vendor string, or another system's word for the maker, is shortened to. */
const VENDORS: readonly (readonly [RegExp, string])[] = [
  [/intel/i, 'Intel'],
  [/AuthenticAMD|^AMD|Advanced Micro Devices/i, 'AMD'],
  [/HygonGenuine/i, 'Hygon'],
  [/CentaurHauls|Shanghai/i, 'VIA'],
  [/^apple/i, 'Apple'],
  [/^ARM/i, 'ARM'],
  [/IBM/i, 'IBM'],
]

/** The maker's short name; its own word, trimmed, when it is not one we know. */
export function vendorName(vendorId: string): string {
  return VENDORS.find(([pattern]) => pattern.test(vendorId))?.[1] ?? vendorId.trim()
}

/** Implementer code of the MIDR register → maker. From the kernel's arch/arm64/include/asm/cputype.h. */
const ARM_IMPLEMENTERS: Readonly<Record<string, string>> = {
  '0x41': 'ARM',
  '0x42': 'Broadcom',
  '0x43': 'Cavium',
  '0x46': 'Fujitsu',
  '0x48': 'HiSilicon',
  '0x4e': 'NVIDIA',
  '0x50': 'AMCC',
  '0x51': 'Qualcomm',
  '0x53': 'Samsung',
  '0x56': 'Marvell',
  '0x61': 'Apple',
  '0x6d': 'Microsoft',
  '0xc0': 'Ampere',
}

/** `implementer/part` → the core's name. Same source; the kernel itself prints only the numbers. */
const ARM_PARTS: Readonly<Record<string, string>> = {
  '0x41/0xb76': 'ARM1176',
  '0x41/0xc07': 'Cortex-A7',
  '0x41/0xc09': 'Cortex-A9',
  '0x41/0xc0f': 'Cortex-A15',
  '0x41/0xd03': 'Cortex-A53',
  '0x41/0xd04': 'Cortex-A35',
  '0x41/0xd05': 'Cortex-A55',
  '0x41/0xd07': 'Cortex-A57',
  '0x41/0xd08': 'Cortex-A72',
  '0x41/0xd09': 'Cortex-A73',
  '0x41/0xd0a': 'Cortex-A75',
  '0x41/0xd0b': 'Cortex-A76',
  '0x41/0xd0c': 'Neoverse-N1',
  '0x41/0xd0d': 'Cortex-A77',
  '0x41/0xd40': 'Neoverse-V1',
  '0x41/0xd41': 'Cortex-A78',
  '0x41/0xd42': 'Cortex-A78AE',
  '0x41/0xd44': 'Cortex-X1',
  '0x41/0xd46': 'Cortex-A510',
  '0x41/0xd47': 'Cortex-A710',
  '0x41/0xd48': 'Cortex-X2',
  '0x41/0xd49': 'Neoverse-N2',
  '0x41/0xd4b': 'Cortex-A78C',
  '0x41/0xd4d': 'Cortex-A715',
  '0x41/0xd4e': 'Cortex-X3',
  '0x41/0xd4f': 'Neoverse-V2',
  '0x41/0xd80': 'Cortex-A520',
  '0x41/0xd81': 'Cortex-A720',
  '0x41/0xd82': 'Cortex-X4',
  '0x41/0xd84': 'Neoverse-V3',
  '0x41/0xd8e': 'Neoverse-N3',
  '0x43/0x0af': 'ThunderX2',
  '0x46/0x001': 'A64FX',
  '0x48/0xd01': 'TSV110',
  '0x4e/0x003': 'Denver 2',
  '0x4e/0x004': 'Carmel',
  '0x51/0x001': 'Oryon',
  '0x61/0x022': 'M1 Icestorm',
  '0x61/0x023': 'M1 Firestorm',
  '0x61/0x032': 'M2 Blizzard',
  '0x61/0x033': 'M2 Avalanche',
  '0xc0/0xac3': 'Ampere-1',
  '0xc0/0xac4': 'Ampere-1A',
}

/** Maker of an ARM core given as `implementer/part`. */
export function armVendor(part: string): string | undefined {
  const implementer = part.split('/', 1)[0]!
  return Object.hasOwn(ARM_IMPLEMENTERS, implementer) ? ARM_IMPLEMENTERS[implementer] : undefined
}

/** Name of an ARM core given as `implementer/part`; the numbers where it has none here. */
export function armPartName(part: string): string {
  return Object.hasOwn(ARM_PARTS, part) ? ARM_PARTS[part]! : `${armVendor(part) ?? 'ARM'} part ${part}`
}
