/**
 * Opens the API beyond loopback when there is somebody to let in, and a certificate that holds. What only time brings,
 * a last token or a certificate that ran out, must not keep a daemon from starting: it says so, and the address stays
 * shut until that is mended.
 */
import type { RemotePlace } from '../node/api-options.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import { ListenError, type ListenErrorCode } from './listen.ts'
import type { RemoteServer } from './remote/library.ts'

/** How often is looked whether it can be opened. */
const LOOK_EVERY_MS = 1_000

/** What time brings, and whoever is asked to can mend while the daemon runs. */
const OF_TIME: ReadonlySet<ListenErrorCode> = new Set<ListenErrorCode>(['no-way-in', 'expired-certificate'])

/** Where it leads, or why it is shut. */
export interface RemoteUrls {
  readonly apiUrl?: string
  /** Why the API does not listen beyond loopback, though it should. */
  readonly apiShut?: { readonly why: string; readonly fix: string }
}

/** What it needs. */
export interface RemoteDoorOptions {
  readonly place: RemotePlace
  /** Whether anybody could be let in. */
  readonly hasWayIn: () => boolean
  /** A server that does not listen yet. @throws ListenError */
  readonly make: () => Promise<RemoteServer>
  /** After the start: it was opened, or there is another reason why it is not. */
  readonly onChange: () => void
  readonly log: Logger
}

export class RemoteDoor {
  readonly #options: RemoteDoorOptions
  #server: RemoteServer | undefined
  #urls: RemoteUrls = {}
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  constructor(options: RemoteDoorOptions) {
    this.#options = options
  }

  /** The one that listens; undefined while it is shut. */
  get server(): RemoteServer | undefined {
    return this.#server
  }

  get urls(): RemoteUrls {
    return this.#urls
  }

  /** Opens it, or says why it stays shut. @throws ListenError for what does not mend by itself */
  async start(): Promise<void> {
    try {
      await this.#open()
    } catch (error) {
      if (!(error instanceof ListenError) || !OF_TIME.has(error.code)) throw error
      this.#stayShut(error)
    }
  }

  /** Looks no more. What is open is for the caller to close. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #open(): Promise<void> {
    const { make, place, hasWayIn } = this.#options
    // Before tokens are looked for, so that what is wrong with it is said at the start.
    const server = await make()
    if (!hasWayIn()) throw noWayIn(place)
    const apiUrl = await server.listen()
    if (this.#stopped) return void server.server.close()
    this.#server = server
    this.#urls = { apiUrl }
  }

  #stayShut(error: unknown): void {
    const why = messageOf(error)
    const fix = (error instanceof ListenError ? error.fix : undefined) ?? 'see the log of the daemon'
    if (why !== this.#urls.apiShut?.why) {
      this.#urls = { apiShut: { why, fix } }
      this.#options.log.warn({ error: why, fix }, 'the API is not open beyond loopback')
    }
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#lookAgain(error), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  async #lookAgain(last: unknown): Promise<void> {
    const { hasWayIn, log, onChange } = this.#options
    if (!hasWayIn()) return this.#stayShut(last)
    try {
      await this.#open()
      log.info(this.#urls, 'the API is open beyond loopback')
    } catch (error) {
      this.#stayShut(error)
    }
    onChange()
  }
}

/** Listening where nobody could be let in would be a door for attacks alone. */
function noWayIn({ host, port }: RemotePlace): ListenError {
  return new ListenError(
    'no-way-in',
    `the API does not listen on ${host} port ${port}: there is no live token to ask with`,
    {
      fix:
        'make one by `althing token create --name NAME --role ROLE`; or start the daemon with an issuer of JWTs: ' +
        '--jwt-issuer, --jwt-audience and --jwks',
    },
  )
}
