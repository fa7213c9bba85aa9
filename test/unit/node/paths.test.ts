import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PathError, resolvePaths } from '../../../src/node/paths.ts'
import type { PathOptions } from '../../../src/node/paths.ts'

const USER: PathOptions = { env: {}, uid: 1000, home: '/home/ada', platform: 'linux', exists: () => false }

describe('paths', () => {
  it('gives a user the XDG directories', () => {
    const env = { XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: '/c', XDG_RUNTIME_DIR: '/run/user/1000' }
    assert.deepEqual(resolvePaths({ ...USER, env }), {
      dataDir: '/s/althing',
      configFile: '/c/althing/config.yaml',
      socketPath: '/run/user/1000/althing/althing.sock',
      scope: 'user',
    })
  })

  it('falls back to the XDG defaults, and to the data directory for the socket', () => {
    for (const env of [{}, { XDG_STATE_HOME: '', XDG_CONFIG_HOME: 'relative/is/ignored', XDG_RUNTIME_DIR: '.' }]) {
      assert.deepEqual(resolvePaths({ ...USER, env }), {
        dataDir: '/home/ada/.local/state/althing',
        configFile: '/home/ada/.config/althing/config.yaml',
        socketPath: '/home/ada/.local/state/althing/althing.sock',
        scope: 'user',
      })
    }
  })

  it('gives root the system directories where they exist or are chosen', () => {
    const system = {
      dataDir: '/var/lib/althing',
      configFile: '/etc/althing/config.yaml',
      socketPath: '/run/althing/althing.sock',
      scope: 'system',
    }
    assert.deepEqual(resolvePaths({ ...USER, uid: 0, exists: (path) => path === '/etc/althing' }), system)
    assert.deepEqual(resolvePaths({ ...USER, uid: 0, exists: (path) => path === '/var/lib/althing' }), system)
    assert.deepEqual(resolvePaths({ ...USER, uid: 1000, scope: 'system' }), system)
    assert.equal(resolvePaths({ ...USER, uid: 0, home: '/root' }).dataDir, '/root/.local/state/althing')
    assert.equal(resolvePaths({ ...USER, uid: 0, exists: () => true, scope: 'user' }).scope, 'user')
    assert.equal(resolvePaths({ ...USER, uid: 1000, exists: () => true }).scope, 'user')
  })

  it('keeps everything inside a data directory that was named, the flag before the environment', () => {
    const env = { ALTHING_DATA_DIR: '/srv/a', XDG_RUNTIME_DIR: '/run/user/1000' }
    assert.deepEqual(resolvePaths({ ...USER, env, scope: 'system' }), {
      dataDir: '/srv/a',
      configFile: '/srv/a/config.yaml',
      socketPath: '/srv/a/althing.sock',
      scope: 'directory',
    })
    assert.equal(resolvePaths({ ...USER, env, dataDir: '/srv/b' }).dataDir, '/srv/b')
    assert.equal(resolvePaths({ ...USER, dataDir: 'here' }).dataDir, resolve('here'))
  })

  it('lets the configuration file and the socket be named alone', () => {
    const env = { ALTHING_CONFIG: '/c.yaml', ALTHING_SOCKET: '/s.sock' }
    assert.partialDeepStrictEqual(resolvePaths({ ...USER, env }), { configFile: '/c.yaml', socketPath: '/s.sock' })
    assert.equal(resolvePaths({ ...USER, env, configFile: '/d.yaml' }).configFile, '/d.yaml')
  })

  it('refuses a socket path the system would cut off, counted in bytes', () => {
    const socketOf = (lengthBytes: number): string => `/${'x'.repeat(lengthBytes - 1)}`
    const tooLong = (socket: string, platform: NodeJS.Platform): void => {
      assert.throws(
        () => resolvePaths({ ...USER, platform, env: { ALTHING_SOCKET: socket } }),
        (error) => error instanceof PathError && error.message.includes(socket) && /ALTHING_SOCKET/.test(error.fix!),
      )
    }
    assert.equal(resolvePaths({ ...USER, env: { ALTHING_SOCKET: socketOf(107) } }).socketPath.length, 107)
    tooLong(socketOf(108), 'linux')
    tooLong(socketOf(104), 'darwin')
    tooLong(`/${'þ'.repeat(54)}`, 'linux')
  })

  it('knows the limit of this very system', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'althing-path-'))
    try {
      const limitBytes = process.platform === 'linux' ? 107 : 103
      const folder = join(directory, 'x'.repeat(limitBytes - directory.length - 3))
      mkdirSync(folder)
      const socketPath = join(folder, 's')
      assert.equal(Buffer.byteLength(socketPath), limitBytes)
      const server = createServer().listen(socketPath)
      await once(server, 'listening')
      assert.ok(existsSync(socketPath))
      server.close()
      await once(server, 'close')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
