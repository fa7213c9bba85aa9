/**
 * One folder per run, and what each file in it means. Everything a later daemon needs to take a run
 * over is here:
 *
 * - `meta.json`  what was ordered; written by the driver before the shim starts
 * - `state`      `<phase> <exit code> <pid> <start time> <deadline> <grace>`; claimed and written by the shim
 * - `killed`     `<reason> <boot second of SIGKILL>`; written before the first signal of a kill
 * - `cut`        present when a log could not be kept whole
 * - `sandbox`    of an isolated run: what bwrap reads; that it is there tells the watchdog of which kind the run is
 * - `stdout`, `stderr`, and the folders `work`, `tmp` and, when it is to be kept, `out`
 */
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { chmod, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import { TaskExit } from '../../model/task.ts'

const Held = z.enum(['cgroup-v1', 'cgroup-v2', 'watched', 'none'])

/** The essentials of an order, as a later daemon finds them. */
export const RunMeta = z.strictObject({
  v: z.literal(1),
  taskId: z.string(),
  attempt: z.int(),
  startedAtMs: z.int(),
  /** A process id says nothing after a reboot. */
  bootId: z.string(),
  timeoutMs: z.int(),
  graceMs: z.int(),
  logCapBytes: z.int(),
  memoryBytes: z.int().optional(),
  keepOutput: z.boolean(),
  enforcement: z.strictObject({ cpu: Held, memory: Held }),
  /** It runs in a sandbox. */
  isolated: z.literal(true).optional(),
})
export type RunMeta = z.infer<typeof RunMeta>

/** `run`: going on. `ran`: the command has ended, its log is being drained. `end`: everything is on disk. */
export interface RunState {
  readonly phase: 'run' | 'ran' | 'end'
  /** Known from `ran` on. */
  readonly code: number | undefined
  readonly pid: number
  /** As `/proc/<pid>/stat` gives it; with the pid it names one process for ever. */
  readonly startTime: string
  /** Boot time, seconds. */
  readonly deadlineS: number
  readonly graceS: number
}

/** Why a run was ended by us. */
export type KillReason = NonNullable<TaskExit['killedFor']>
const KillReason = TaskExit.shape.killedFor.unwrap()

/** Written before the signal: why, and when SIGKILL follows, in seconds of boot time. */
export interface KillMark {
  readonly why: KillReason
  /** Boot time in seconds from which SIGKILL is due. */
  readonly killAtS: number
}

/** A run's name is a folder's name: nothing that could leave the directory, nothing hidden. */
export function isRunId(name: string): boolean {
  return name.length <= 200 && /^[a-z0-9][a-z0-9.-]*$/.test(name)
}

/** Where everything of a run lies. */
export function runPaths(dir: string, runId: string) {
  const root = join(dir, runId)
  return {
    root,
    work: join(root, 'work'),
    out: join(root, 'out'),
    tmp: join(root, 'tmp'),
    meta: join(root, 'meta.json'),
    state: join(root, 'state'),
    killed: join(root, 'killed'),
    cut: join(root, 'cut'),
    stdout: join(root, 'stdout'),
    stderr: join(root, 'stderr'),
  } as const
}
/** See `runPaths`. */
export type RunPaths = ReturnType<typeof runPaths>

/**
 * Makes the run's own folder and what every run has in it. Synchronous on purpose, as `fillRoot`: such calls take a
 * fifth of a millisecond, a tenth of what their detour by the thread pool does, and the start of a task waits for
 * them. Throws EEXIST when there is one already.
 */
export function makeRoot({ root, work, tmp, meta }: Pick<RunPaths, 'root' | 'work' | 'tmp' | 'meta'>): void {
  mkdirSync(root, { mode: 0o700 })
  mkdirSync(work)
  mkdirSync(tmp)
  // Empty, as that of a run that is half-made: to make a file takes longer than to write it, at times a millisecond.
  writeFileSync(meta, '')
}

/** Makes what else this run needs, and writes what was ordered. */
export function fillRoot(paths: RunPaths, meta: RunMeta): void {
  if (meta.keepOutput) mkdirSync(paths.out)
  writeFileSync(paths.meta, JSON.stringify(meta), { flag: 'r+' })
}

/** The order as it was written, or undefined when the folder is half-made or damaged. */
export function readMeta(paths: RunPaths): RunMeta | undefined {
  const text = readText(paths.meta)
  if (text === undefined) return undefined
  try {
    const parsed = RunMeta.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

/** `undefined`: no shim has claimed the run. `incomplete`: one is writing its claim this moment. */
export function readState(paths: RunPaths): RunState | 'incomplete' | undefined {
  const text = readText(paths.state)
  if (text === undefined) return undefined
  const found = /^(run|ran|end) +(---|\d+) (\d+) (\S+) (\d+) (\d+)\n$/.exec(text)
  if (found === null) return 'incomplete'
  const [, phase, code, pid, startTime, deadlineS, graceS] = found as unknown as string[]
  return {
    phase: phase as RunState['phase'],
    code: code === '---' ? undefined : Number(code),
    pid: Number(pid),
    startTime: startTime!,
    deadlineS: Number(deadlineS),
    graceS: Number(graceS),
  }
}

/** Writes the end of a run whose shim could not. In place, as the shim does, so that a full disk is no obstacle. */
export function writeEnd(paths: RunPaths, code: number): void {
  const fd = openSync(paths.state, 'r+')
  try {
    writeSync(fd, `end ${String(code).padStart(3)}`, 0)
  } finally {
    closeSync(fd)
  }
}

/**
 * Takes a run that no shim has claimed, so that none ever will. False when a shim was quicker. `pid` is
 * that of a shim that died before it could; 0 when there was none.
 */
export function claimUnstarted(paths: RunPaths, code: number, pid: number): boolean {
  try {
    writeFileSync(paths.state, `end ${String(code).padStart(3)} ${pid} 0 0 0\n`, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** A shim writes its claim within a microsecond of making the file; one that takes longer was killed. */
const CLAIM_PATIENCE_MS = 1_000

/** What its shim made of a run that an earlier daemon began; undefined when that never was, and never will be. */
export async function settledState(paths: RunPaths): Promise<RunState | undefined> {
  const giveUpAtMs = performance.now() + CLAIM_PATIENCE_MS
  for (;;) {
    const state = readState(paths)
    if (typeof state === 'object') return state
    // Claimed here, so that a shim that was spawned but has not come this far never begins.
    if (state === undefined && claimUnstarted(paths, 0, 0)) return undefined
    if (performance.now() > giveUpAtMs) return undefined
    await delay(10)
  }
}

/** Says why the run is being killed. It must be on disk before the signal is sent. */
export function writeKillMark(paths: RunPaths, mark: KillMark): void {
  const next = `${paths.killed}.new`
  writeFileSync(next, `${mark.why} ${mark.killAtS}\n`)
  // Readers (the shim, the watchdog) must see it whole or not at all.
  renameSync(next, paths.killed)
}

/** Why the run is being killed, if it is. */
export function readKillMark(paths: RunPaths): KillMark | undefined {
  const [why, killAtS] = (readText(paths.killed) ?? '').trim().split(' ')
  const reason = KillReason.safeParse(why)
  return reason.success ? { why: reason.data, killAtS: Number(killAtS) || 0 } : undefined
}

/** Removes an ended run's working and temporary directories: a task's litter must not fill the disk. */
export async function discardScratch(paths: RunPaths): Promise<void> {
  for (const folder of [paths.work, paths.tmp]) {
    // Most tasks leave them empty, and then one call is enough. Nobody waits for it.
    await rmdir(folder).catch(() => removeFolder(folder))
  }
}

/** Removes a run's folder, also when the task left directories that forbid it. */
export async function removeFolder(root: string): Promise<void> {
  try {
    await rm(root, { recursive: true, force: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    await openUp(root)
    await rm(root, { recursive: true, force: true })
  }
}

async function openUp(folder: string): Promise<void> {
  await chmod(folder, 0o700)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await openUp(join(folder, entry.name))
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
