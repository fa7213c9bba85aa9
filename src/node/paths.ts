/**
 * Where the daemon keeps things. Users get the XDG directories; a service run by root gets
 * `/var/lib`, `/etc` and `/run`; whoever names a data directory gets everything inside it, so that
 * several daemons of one user never meet.
 */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { AlthingError } from '../util/errors.ts'

/** Absolute paths of one daemon. None of them need exist. */
export interface NodePaths {
  /** What must survive: key, store, tasks. */
  readonly dataDir: string
  readonly configFile: string
  /** The Unix socket of the local API. */
  readonly socketPath: string
  readonly scope: 'user' | 'system' | 'directory'
}

/** What decides the paths. Everything has a default taken from this process. */
export interface PathOptions {
  /** `--data-dir`; wins over ALTHING_DATA_DIR. Relative to the working directory. */
  readonly dataDir?: string | undefined
  /** `--config`; wins over ALTHING_CONFIG. */
  readonly configFile?: string | undefined
  /** Chooses `system` or `user` instead of looking whether root has a system installation. */
  readonly scope?: 'user' | 'system' | undefined
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly uid?: number
  readonly home?: string
  readonly platform?: NodeJS.Platform
  readonly exists?: (path: string) => boolean
}

/** A path is too long; `meta` has it and the limit. */
export class PathError extends AlthingError<'socket-path-too-long'> {}

const SYSTEM = { dataDir: '/var/lib/althing', configDir: '/etc/althing', runDir: '/run/althing' }
const SOCKET_NAME = 'althing.sock'
const CONFIG_NAME = 'config.yaml'

/**
 * `sun_path` of sockaddr_un, less its closing zero: 108 bytes on Linux, 104 on macOS and the BSDs.
 * A longer path would be cut off silently, and two daemons would share one socket.
 */
const SOCKET_PATH_LIMIT_BYTES = { linux: 107, other: 103 }

/** Resolves the paths of a daemon. Reads the environment, creates nothing. @throws PathError */
export function resolvePaths(options: PathOptions = {}): NodePaths {
  const env = options.env ?? process.env
  const platform = options.platform ?? process.platform
  const paths = choosePaths(options, env)
  const configFile = nonEmpty(options.configFile) ?? nonEmpty(env['ALTHING_CONFIG'])
  const socketPath = nonEmpty(env['ALTHING_SOCKET'])
  const chosen = {
    ...paths,
    ...(configFile !== undefined && { configFile: resolve(configFile) }),
    ...(socketPath !== undefined && { socketPath: resolve(socketPath) }),
  }
  checkSocketPath(chosen.socketPath, platform)
  return chosen
}

function choosePaths(options: PathOptions, env: Readonly<Record<string, string | undefined>>): NodePaths {
  const named = nonEmpty(options.dataDir) ?? nonEmpty(env['ALTHING_DATA_DIR'])
  if (named !== undefined) {
    const dataDir = resolve(named)
    return {
      dataDir,
      configFile: join(dataDir, CONFIG_NAME),
      socketPath: join(dataDir, SOCKET_NAME),
      scope: 'directory',
    }
  }
  if (isSystem(options)) {
    return {
      dataDir: SYSTEM.dataDir,
      configFile: join(SYSTEM.configDir, CONFIG_NAME),
      socketPath: join(SYSTEM.runDir, SOCKET_NAME),
      scope: 'system',
    }
  }
  const home = options.home ?? homedir()
  const dataDir = join(xdg(env, 'XDG_STATE_HOME') ?? join(home, '.local', 'state'), 'althing')
  const runtimeDir = xdg(env, 'XDG_RUNTIME_DIR')
  return {
    dataDir,
    configFile: join(xdg(env, 'XDG_CONFIG_HOME') ?? join(home, '.config'), 'althing', CONFIG_NAME),
    // Without a login session (containers, cron) there is no runtime directory.
    socketPath: join(runtimeDir === undefined ? dataDir : join(runtimeDir, 'althing'), SOCKET_NAME),
    scope: 'user',
  }
}

/** Root is a service where one was installed, and a user like any other (in a container, say) elsewhere. */
function isSystem({ scope, uid = process.getuid?.(), exists = existsSync }: PathOptions): boolean {
  if (scope !== undefined) return scope === 'system'
  return uid === 0 && (exists(SYSTEM.dataDir) || exists(SYSTEM.configDir))
}

/** The XDG specification: a relative value is to be ignored. */
function xdg(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const value = env[name]
  return value !== undefined && isAbsolute(value) ? value : undefined
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

function checkSocketPath(path: string, platform: NodeJS.Platform): void {
  const limitBytes = platform === 'linux' ? SOCKET_PATH_LIMIT_BYTES.linux : SOCKET_PATH_LIMIT_BYTES.other
  const lengthBytes = Buffer.byteLength(path)
  if (lengthBytes <= limitBytes) return
  throw new PathError(
    'socket-path-too-long',
    `the socket path ${path} has ${lengthBytes} bytes; this system allows ${limitBytes}`,
    {
      fix: 'Choose a shorter data directory, or set ALTHING_SOCKET to a short path such as $XDG_RUNTIME_DIR/a.sock.',
      meta: { path, lengthBytes, limitBytes },
    },
  )
}
