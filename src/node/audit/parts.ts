/** The audit log and what stands around it, as a daemon has them. */
import type { TreeHead } from '../../audit/verify.ts'
import type { WitnessState } from '../../audit/witness.ts'
import type { ControlMessage } from '../../model/control.ts'
import { createAuditTable, type AuditTable } from '../../store/audit-table.ts'
import type { SqliteStore } from '../../store/sqlite.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Sealer } from '../messages.ts'
import { AuditExchange } from './exchange.ts'
import { AuditLog } from './log.ts'

/** Events kept: some 300 MB of disk at most, and weeks at a task a second. */
const KEPT_EVENTS = 1_000_000

/** The parts, by name. */
export interface AuditParts {
  readonly log: AuditLog
  readonly table: AuditTable
  readonly exchange: AuditExchange
  /** The safe head of the log, and the record that signs it. */
  readonly signedHead: () => TreeHead & { readonly record: Uint8Array }
}

/** Opens the log. The store must have raised its epoch: all before that is safe on disk. */
export function openAuditLog(store: SqliteStore, clock: Clock, log: Logger): Pick<AuditParts, 'log' | 'table'> {
  const table = createAuditTable(store.database)
  const walPath = `${store.database.path}-wal`
  return { table, log: new AuditLog({ store, table, walPath, clock, log, keep: KEPT_EVENTS }) }
}

/** Joins the log to those who ask. */
export function createAuditParts(
  { log, table }: Pick<AuditParts, 'log' | 'table'>,
  sealer: Sealer,
  witness: WitnessState,
  logger: Logger,
  send: (peer: string, message: ControlMessage) => Promise<void>,
): AuditParts {
  const { clock } = sealer
  const signedHead = () => {
    const { size, root } = log.safeHead()
    const draft = {
      kind: 'audit-head',
      name: '',
      epoch: sealer.epoch,
      seq: ++sealer.seq,
      hlc: clock.wallMs(),
      ttlMs: 0,
    }
    return { size, root, record: sealer.signer.seal({ ...draft, body: { size, root } }).bytes }
  }
  const exchange = new AuditExchange({ log, table, witness, clock, logger, signedHead, send })
  return { log, table, exchange, signedHead }
}
