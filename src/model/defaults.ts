/** Defaults that programs without the schemas need as well: loading those costs the CLI 30 ms a command. */
import type { Resources } from './resources.ts'

/** What a task that asks for nothing reserves: a tenth of a core and 64 MiB. It is not limited to that. */
export const DEFAULT_RESOURCES: Resources = Object.freeze({ cpuMilli: 100, memoryBytes: 64 * 1024 * 1024 })
