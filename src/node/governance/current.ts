/** What operations on the cluster begin with: that there is one, and that this node has the right to. */
import { mayAdmit, type GovernanceState } from '../../governance/state.ts'
import { CHANGED } from '../../governance/statements.ts'
import type { StatementKind } from '../../wire/limits.ts'
import { makeStatement } from '../../wire/statement.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { OperationError } from '../operations.ts'

/** What is known of the cluster. @throws OperationError `not-found` where there is none */
export function stateOf({ governor }: DaemonParts): GovernanceState {
  if (governor.state !== undefined) return governor.state
  throw new OperationError('not-found', 'this daemon belongs to no cluster with a genesis', {
    fix: 'found one with `althing init NAME`, or join one with `althing join TICKET`',
  })
}

/** @throws OperationError `conflict`, naming those that may */
export function refuseUnlessEnroller(state: GovernanceState): void {
  if (state.log.fork !== undefined) {
    throw new OperationError('conflict', 'the log is forked: nobody is admitted until it is resolved', {
      fix: 'see `althing gov log`; the recovery keys decide with `althing gov recover`',
    })
  }
  if (mayAdmit(state)) return
  throw new OperationError('conflict', 'this node may not admit others, nor revoke them', {
    fix:
      `do it at one of ${[...state.log.authority.enrollers].join(', ')}, ` +
      `or let the admins sign: althing gov propose --enroll ${state.self}`,
  })
}

/** Signs a statement with the node's key and takes it. @throws OperationError `conflict` when it does not count */
export function takeOwn(parts: DaemonParts, kind: StatementKind, body: unknown): void {
  const [outcome] = parts.governor.take([makeStatement(kind, body, [parts.signer])])
  if (outcome === undefined || !CHANGED.has(outcome)) {
    throw new OperationError('conflict', `the ${kind} does not count: ${outcome ?? 'nothing is known of it'}`)
  }
}
