/** Symbolic links that travel. */
import { posix, win32 } from 'node:path'

/**
 * Whether a link leads out of the directory that travels, as the library that unpacks it sees it
 * (`strip-absolute-path`, tar 7.5.23): also what is absolute on Windows, or would be.
 */
export function leadsOut(path: string, linkpath: string): boolean {
  if (win32.parse(linkpath).root !== '') return true
  const target = posix.normalize(posix.join(posix.dirname(path), linkpath.replaceAll('\\', '/')))
  return target === '..' || target.startsWith('../')
}
