/** What nodes are named by, and what is named by its content: bundles, statements, events. */
import * as z from 'zod'
import { isPeerId } from './peer-id.ts'

/** A node that has a key as every Althing node has; see `isPeerId`. */
export const PeerId = z.string().refine(isPeerId, 'expected a peer id, 12D3KooW…')

/** Lower-case hex sha256. */
export const Sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'expected a sha256: 64 lower-case hex digits')
