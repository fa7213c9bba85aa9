/** Where this daemon belongs, and by which key: founding, joining, leaving, rotating. It starts anew after each. */
import { memberAt } from '../../governance/state.ts'
import type { MovedView } from '../../model/cluster.ts'
import type { Founding } from '../../model/cluster-requests.ts'
import { Rotation } from '../../model/governance.ts'
import { isEnded } from '../../model/task.ts'
import type { Store } from '../../store/store.ts'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { makeStatement, statementSigner } from '../../wire/statement.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { dropIdentity, hasNextSeed, loadNextSeed, loadSeed, useNextSeed } from '../identity.ts'
import { OperationError } from '../operations.ts'
import { founding, redeeming, ticketIn, type Beginning } from './beginning.ts'
import { forgetWrites, loadCluster } from './cluster-store.ts'
import { stateOf, takeOwn } from './current.ts'

/** How long what was signed last gets to reach the neighbours before this daemon starts anew. */
const PARTING_MS = 300

/** Founds a cluster. @throws OperationError `invalid`, `conflict` */
export function found(parts: DaemonParts, request: Founding): MovedView {
  refuseSecondCluster(parts)
  const { clusters, signer, clock } = parts
  clusters.refuseName(request.name)
  return move(parts, founding(signer, request, clock.wallMs()))
}

function refuseSecondCluster({ governor }: DaemonParts): void {
  if (governor.state === undefined) return
  throw new OperationError('conflict', `this daemon belongs to cluster ${governor.state.log.genesis.name}`, {
    fix: 'take part in another one too with --beside, or leave this one first with `althing leave`',
  })
}

/** Stores where this daemon belongs from now on, and starts it anew there. Tasks run on meanwhile. */
function move(parts: DaemonParts, { name, id, writes, event }: Beginning): MovedView {
  parts.loop.writeDurably(writes, [event])
  parts.restart()
  return { cluster: name, id, peerId: parts.mesh.self }
}

/** Redeems a ticket. @throws OperationError */
export async function join(parts: DaemonParts, text: string): Promise<MovedView> {
  refuseSecondCluster(parts)
  const { options, clock, log, seed, clusters } = parts
  const newcomer = { seed, allowPublic: options.publicNetwork ?? false, log, nowMs: () => clock.wallMs() }
  const made = ticketIn(text, clock.wallMs())
  clusters.refuseCluster(made.ticket.cluster)
  clusters.refuseName(made.ticket.name)
  return move(parts, await redeeming(newcomer, made))
}

/** Revokes this node's own key, and forgets the cluster. @throws OperationError */
export function leave(parts: DaemonParts): MovedView {
  const state = stateOf(parts)
  const { name } = state.log.genesis
  refuseWithWork(parts, 'leaving')
  // Nobody may be left behind in a cluster where nobody lets others in.
  const isAlone = [...state.roster.members.keys()].every((node) => node === state.self)
  if (state.log.authority.enrollers.has(state.self) && !isAlone) {
    throw new OperationError('conflict', 'this node may admit others: it cannot leave by itself', {
      fix: `let the admins revoke it, and list what stays: \`althing gov propose --revoke ${state.self} --keep all\``,
    })
  }
  const body = {
    cluster: state.log.cluster,
    node: state.self,
    by: state.self,
    reason: 'left',
    atMs: parts.clock.wallMs(),
  }
  // One that was expelled has nothing to say any more, but may go.
  if (!state.roster.gone.has(state.self)) takeOwn(parts, 'revocation', body)
  // Nothing is taken in the moment that is left.
  parts.loop.input({ type: 'leave' })
  // A key that left never comes back: the next cluster gets another.
  parts.soon(PARTING_MS, () => forgetCluster(parts, state.log.cluster))
  return { cluster: name, id: state.log.cluster, peerId: state.self }
}

function forgetCluster({ store, loop, options, log, restart }: DaemonParts, cluster: string): void {
  try {
    loop.writeDurably(forgetWrites(store), [{ type: 'cluster.left', cluster }])
  } catch (error) {
    log.error({ error: messageOf(error) }, 'the cluster that was left could not be forgotten; leave it again')
    return
  }
  dropIdentity(options.paths.dataDir)
  restart()
}

/** Tasks know this node by its key. */
function refuseWithWork({ mesh }: DaemonParts, doing: string): void {
  const { contracts, tasks } = mesh.negotiation
  const open = [...tasks.values()].filter((task) => !isEnded(task.state)).length
  if (contracts.size + open === 0) return
  throw new OperationError('conflict', `${doing} changes this node's key, and ${contracts.size + open} tasks know it`, {
    fix: 'wait until they have ended and were settled (`althing ps`), or cancel them',
  })
}

/** Puts another key in the place of this node's. @throws OperationError */
export function rotate(parts: DaemonParts): MovedView {
  const state = stateOf(parts)
  const { dataDir } = parts.options.paths
  if (memberAt(state, state.self, parts.clock.wallMs()) === undefined) {
    throw new OperationError('conflict', 'this node is no member: there is no place to hand on')
  }
  if (state.log.authority.enrollers.has(state.self)) {
    throw new OperationError('conflict', 'this node may admit others, a right that does not go on to another key', {
      fix:
        'let the admins give it to another node and take it from this one: ' +
        `althing gov propose --withdraw ${state.self} --keep all`,
    })
  }
  refuseWithWork(parts, 'rotating')
  const nextSeed = loadNextSeed(dataDir)
  const next = statementSigner(nextSeed)
  const body = { cluster: state.log.cluster, from: state.self, to: next.id, atMs: parts.clock.wallMs() }
  const [outcome] = parts.governor.take([makeStatement('rotation', body, [parts.signer, next])])
  if (outcome !== 'taken') throw new OperationError('conflict', `the rotation does not count: ${outcome}`)
  parts.loop.input({ type: 'leave' })
  parts.soon(PARTING_MS, () => {
    useNextSeed(dataDir)
    parts.restart()
  })
  return { cluster: state.log.genesis.name, id: state.log.cluster, peerId: next.id }
}

/**
 * Ends a rotation that a crash broke off between the word of both keys and the new key's file. Called before the
 * node's key is read.
 */
export function finishRotation(dataDir: string, store: Store, log: Logger): void {
  if (!hasNextSeed(dataDir)) return
  const [from, to] = [loadSeed(dataDir), loadNextSeed(dataDir)].map((seed) => statementSigner(seed).id)
  const rotations = loadCluster(store, log)?.statements.filter(({ kind }) => kind === 'rotation') ?? []
  const isOurs = rotations.some(({ body }) => {
    const { data } = Rotation.safeParse(body)
    return data?.from === from && data?.to === to
  })
  if (isOurs) useNextSeed(dataDir)
}
