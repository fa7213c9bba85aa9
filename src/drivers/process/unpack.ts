/** Unpacks an input bundle into a run's working directory, and believes nothing the archive says. */
import { lstat, open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { DriverError, driverErrorFrom } from '../errors.ts'

/** An archive of more entries would exhaust inodes long before it did any good. */
const MAX_ENTRIES = 1_000_000
const FILE_TYPES = new Set<string>(['File', 'OldFile', 'ContiguousFile'])

/**
 * Unpacks an uncompressed tar into `folder`, which must exist. File modes are kept, owners and
 * set-user-id bits are not. Refused are: a path or a link that leads outside, devices and pipes,
 * a compressed archive (its size would be unknown), a damaged one.
 * @throws DriverError `unpack` or `disk-full`; what was unpacked so far is the caller's to remove.
 */
export async function unpackInput(tarPath: string, folder: string): Promise<void> {
  try {
    await refuseCompressed(tarPath)
    // Loaded when first used: most tasks bring no input, and it costs 3 MB and 30 ms.
    const { extract } = await import('tar')
    let entries = 0
    const sizes = new Map<string, number>()
    let refusal: DriverError | undefined
    await extract({
      file: tarPath,
      cwd: folder,
      // Each irregularity the library would warn of and repair is an error here.
      strict: true,
      preserveOwner: false,
      chmod: true,
      processUmask: 0,
      filter: (path, entry) => {
        // A throw in here would be nobody's to catch: it is kept, and thrown when the library is done.
        if (refusal !== undefined) return false
        entries += 1
        if (entries > MAX_ENTRIES) refusal = refused(`more than ${MAX_ENTRIES} entries`)
        if ('linkpath' in entry) {
          if (entry.linkpath?.startsWith('/')) refusal = refused(`link ${path} leads to ${entry.linkpath}`)
          if (entry.mode !== undefined) entry.mode &= 0o777
          const target = resolve(folder, path)
          if (FILE_TYPES.has(entry.type)) sizes.set(target, entry.size)
          else sizes.delete(target)
        }
        return refusal === undefined
      },
    })
    if (refusal !== undefined) throw refusal
    await checkWhole(sizes)
  } catch (error) {
    throw driverErrorFrom(error, 'unpack', 'unpacking the input')
  }
}

/**
 * Compares what lies on disk with what the archive said. A write that a full disk cuts short is not an
 * error to the system, and the library (fs-minipass 4) takes it for a whole one: a task would be given
 * half a file.
 */
async function checkWhole(sizes: ReadonlyMap<string, number>): Promise<void> {
  for (const [path, size] of sizes) {
    const found = (await lstat(path)).size
    if (found === size) continue
    throw new DriverError('disk-full', `only ${found} of ${size} bytes of ${path} could be written`, {
      fix: 'free some space, or put the data directory on a larger disk',
    })
  }
}

function refused(what: string): DriverError {
  return new DriverError('unpack', `the input archive is refused: ${what}`, {
    fix: 'pack plain files, directories and links that stay inside',
  })
}

async function refuseCompressed(path: string): Promise<void> {
  const file = await open(path)
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(512), 0, 512, 0)
    // `ustar` at 257 marks POSIX and GNU tars; an archive without entries begins with zeros.
    const isTar = bytesRead === 512 && (buffer.toString('latin1', 257, 262) === 'ustar' || buffer.every((b) => b === 0))
    if (!isTar) throw refused('it is not an uncompressed tar')
  } finally {
    await file.close()
  }
}
