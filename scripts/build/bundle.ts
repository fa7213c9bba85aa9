/** What `npm run build` makes, apart from knowing whether it has to. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { build as esbuild } from 'esbuild'
import type { Metafile, Plugin } from 'esbuild'
import { build as vite } from 'vite'
import { keepCode } from './keep-code.ts'
import { collectLicenses } from './licenses.ts'

const ENTRIES: Readonly<Record<string, string>> = {
  daemon: 'src/cli/up/daemon-main.ts',
  cli: 'src/cli/main.ts',
  relay: 'src/peer/relay/library.ts',
  dht: 'src/peer/dht/library.ts',
  policy: 'src/policy/library.ts',
  jwt: 'src/status/jwt/library.ts',
  remote: 'src/status/remote/library.ts',
}

/**
 * What few daemons load stays out of the file that all load: source text takes memory though nobody runs it. A folder's
 * `library.ts`, where it is imported dynamically, becomes the file named after the folder.
 */
const LIBRARIES: Plugin = {
  name: 'libraries',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/library\.ts$/ }, ({ kind, path, resolveDir }) => {
      const name = basename(dirname(join(resolveDir, path)))
      return kind === 'dynamic-import' ? { path: `./${name}.cjs`, external: true } : undefined
    })
  },
}

/** The core may not use the runtime's own hash, and what is shipped may: it takes a tenth of the time. */
const NATIVE_HASH: Plugin = {
  name: 'native-hash',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/util\/sha256\.ts$/ }, () => ({ path: join(import.meta.dirname, 'native/core-sha256.ts') }))
  },
}

/** Builds the bundles, their code, the licences of what is in them, and the page, all into `dist/` below `root`. */
export async function buildAll(root: string): Promise<void> {
  const dist = join(root, 'dist')
  mkdirSync(dist, { recursive: true })
  const metafile = await buildBundles(root)
  keepCode(root)
  writeWhole(join(dist, 'THIRD-PARTY-LICENSES.txt'), collectLicenses(root, Object.keys(metafile.inputs)))
  await vite({ configFile: join(root, 'web', 'vite.config.ts'), logLevel: 'warn' })
  for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
    if (path.endsWith('.cjs')) console.log(`${path}  ${Math.round(bytes / 1024)} KiB`)
  }
}

/** A daemon may be starting from this very file: it sees the old one or the new one, never half. */
function writeWhole(path: string, contents: string | Uint8Array): void {
  writeFileSync(`${path}.new`, contents)
  renameSync(`${path}.new`, path)
}

/** Builds the bundles into `dist/`; returns what is in them. */
async function buildBundles(root: string): Promise<Metafile> {
  const { outputFiles, metafile } = await esbuild({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir: 'dist',
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    // What is loaded later is loaded by `require`: a script that is made from kept code has no `import()`.
    supported: { 'dynamic-import': false },
    // Packages that come as both are smaller as modules: what is not used is left out.
    mainFields: ['module', 'main'],
    minify: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    // CommonJS has no import.meta; these are its own words for the same.
    define: {
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
      'import.meta.url': '__importMetaUrl',
    },
    banner: { js: "const __importMetaUrl=require('node:url').pathToFileURL(__filename).href;" },
    alias: {
      '@chainsafe/as-chacha20poly1305': join(root, 'scripts/build/native/chacha20poly1305.ts'),
      '@chainsafe/as-sha256': join(root, 'scripts/build/native/sha256.ts'),
    },
    plugins: [LIBRARIES, NATIVE_HASH],
    metafile: true,
    write: false,
    logLevel: 'warning',
  })
  for (const { path, contents } of outputFiles) writeWhole(join(root, 'dist', basename(path)), contents)
  return metafile
}
