/** Finding out whether a peer whose link broke is still there. */
import type { Connection } from '@libp2p/interface'
import type { ControlLinks } from './control.ts'
import type { Dialer } from './dialer.ts'
import { PeerError } from './errors.ts'

/** Connections that may turn out to be dying before one is dialled anew. */
const TRIES = 3

/** @returns see `Peer.redial` */
export async function redial(
  peer: string,
  { dialer, links }: { readonly dialer: Dialer; readonly links: ControlLinks },
): Promise<'linked' | 'refused' | 'unreachable'> {
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      const connection = await dialer.toPeer(peer)
      if (await standsOrCloses(links.linked(peer), connection)) return 'linked'
    }
    return 'unreachable'
  } catch (error) {
    return error instanceof PeerError && error.meta['refused'] === true ? 'refused' : 'unreachable'
  }
}

/**
 * Waits for a link over a connection, but no longer than the connection lasts: one that stood when its peer was killed
 * is seen to close only a moment after its streams.
 * @returns whether the link stands
 */
async function standsOrCloses(linked: Promise<unknown>, connection: Connection): Promise<boolean> {
  const { promise: closed, resolve } = Promise.withResolvers<boolean>()
  const onClose = (): void => resolve(false)
  connection.addEventListener('close', onClose)
  if (connection.status !== 'open') onClose()
  const stands = linked.then(
    () => true,
    (error: unknown) => {
      if (connection.status === 'open') throw error
      return false
    },
  )
  try {
    return await Promise.race([stands, closed])
  } finally {
    connection.removeEventListener('close', onClose)
    // Whoever was quicker: what the other says in the end is of no interest.
    stands.catch(() => {})
  }
}
