import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/**
 * Keeps, beside each bundle in `dist/`, the code that V8 made of it: of the daemon what runs until it is ready, of the
 * CLI what makes its help. `bin/run-bundle.cjs` starts from that. A process of its own each, as a flag said to V8 or a
 * function compiled for something else would be in the code. Where one cannot run, for want of a loopback for instance,
 * the build says so: without kept code all works, and starts more slowly.
 */
export function keepCode(root: string): void {
  for (const program of ['cli', 'daemon']) {
    const file = join(root, 'scripts', 'build', 'children', `keep-${program}.ts`)
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--no-warnings', file, join(root, 'dist', `${program}.cjs`)],
      {
        timeout: 60_000,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' },
      },
    )
    if (status !== 0) console.warn(`no code of ${program}.cjs is kept, it starts more slowly:\n${stderr.toString()}`)
  }
}
