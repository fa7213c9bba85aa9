/** Serves the built status page. Every file is public: what it shows, it asks for with the token. */
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { ApiError } from './problem.ts'
import type { Reply } from './route.ts'

/** What a page is made of; nothing else is served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
}

/** One path segment that can name nothing outside its folder. */
const SAFE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

/** The page itself. */
export async function servePage(webDir: string): Promise<Reply> {
  const page = await readFileOrNothing(join(webDir, 'index.html'))
  if (page === undefined) {
    throw new ApiError(404, 'no-page', `the status page is not built: there is no index.html in ${webDir}`, {
      fix: 'run `npm run build`; the API works without it',
    })
  }
  // Never kept: it names the hashed files, and must change with them.
  return { status: 200, type: TYPES['.html']!, data: page, cacheControl: 'no-store' }
}

/** A file under `/assets/`, whose name holds the hash of its content: it may be kept for ever. */
export function serveAsset(webDir: string, name: string): Promise<Reply> {
  return serveFile(join(webDir, 'assets'), name, 'public, max-age=31536000, immutable')
}

/** A file beside the page, such as its icon. */
export function serveRootFile(webDir: string, name: string): Promise<Reply> {
  return serveFile(webDir, name, 'no-cache')
}

async function serveFile(dir: string, name: string, cacheControl: string): Promise<Reply> {
  const type = TYPES[extname(name)]
  const data = type !== undefined && SAFE_NAME.test(name) ? await readFileOrNothing(join(dir, name)) : undefined
  if (type === undefined || data === undefined) {
    throw new ApiError(404, 'no-such-path', `there is no ${name.slice(0, 100)} here`)
  }
  return { status: 200, type, data, cacheControl }
}

async function readFileOrNothing(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw error
  }
}
