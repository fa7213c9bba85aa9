/** The part of `Operations` that is about audit logs. What is rarely asked for is loaded when it is. */
import type { DaemonParts } from '../daemon-state.ts'
import { OperationError, type Operations } from '../operations.ts'

type AuditOperations = Pick<
  Operations,
  'auditPage' | 'auditEvent' | 'auditStory' | 'verifyAudit' | 'exportAudit' | 'acceptAudit'
>

/** Builds it. */
export function auditOperations(parts: DaemonParts): AuditOperations {
  const reading = () => import('./reading.ts')
  return {
    auditPage: async (query) => (await reading()).pageOf(parts.audit, query),
    auditEvent: async (position) => (await reading()).proofOf(parts, position),
    auditStory: async (taskId, signal) => (await reading()).storyOf(parts, taskId, signal),
    verifyAudit: async (signal) => (await import('./verification.ts')).verifyLogs(parts, signal),
    exportAudit: async (sinceMs) => (await reading()).exportLog(parts, sinceMs),
    acceptAudit: (peer) => acceptAudit(parts, peer),
  }
}

function acceptAudit({ mesh, loop }: DaemonParts, peer: string): void {
  if (!mesh.audit.witness.alarms.has(peer)) {
    throw new OperationError('not-found', `there is no alarm over the audit log of ${peer}`, {
      fix: '`althing audit verify` lists the alarms there are',
    })
  }
  loop.input({ type: 'accept-log', peer })
}
