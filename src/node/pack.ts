/** Packs a directory into a tar that is the same for the same content, so that its hash names the content. */
import { readdir } from 'node:fs/promises'
import { PassThrough, type Readable } from 'node:stream'

/** A tar stream of everything below `dir`, with paths relative to it, in name order. */
export async function packDirectory(dir: string): Promise<Readable> {
  const { create } = await import('tar')
  // `./` in front: tar takes a bare `@name` for an archive to copy from.
  const entries = (await readdir(dir)).toSorted().map((name) => `./${name}`)
  // tar's own stream type is not Node's; a PassThrough makes it one and carries its errors.
  const out = new PassThrough()
  const pack = create({ cwd: dir, portable: true, noPax: false, follow: false }, entries.length > 0 ? entries : ['.'])
  pack.on('error', (error: unknown) => out.destroy(error as Error))
  pack.pipe(out)
  return out
}
