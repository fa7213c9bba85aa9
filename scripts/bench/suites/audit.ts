/** What the audit log costs: writing events as the daemon does, a few a transaction, and reading all of them again. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consistencyProof } from '../../../src/audit/proofs.ts'
import { verifyConsistency } from '../../../src/audit/verify.ts'
import { AuditLog } from '../../../src/node/audit/log.ts'
import { problemsOf } from '../../../src/node/audit/verification.ts'
import { createAuditTable } from '../../../src/store/audit-table.ts'
import { openStore } from '../../../src/store/sqlite.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { SILENT } from '../../../src/util/logger.ts'
import type { Bench, Figure, Suite } from '../figure.ts'

/** Events of one transaction: a task that starts or ends writes one to four. */
const A_WRITE = 4
const PEER = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'

function write(log: AuditLog, task: number): void {
  const taskId = `k3j2m5n7p9-${task}`
  const attempt = { taskId, attempt: 1, peer: PEER }
  log.note({ type: 'contract.sent', ...attempt, offerId: `k3j2m5n7p9-${task % 1000}`, bidId: 'abcdefghijkl' })
  log.note({ type: 'run.started', ...attempt })
  log.note({ type: 'run.ended', ...attempt, exitCode: 0 })
  log.note({ type: 'settlement.received', ...attempt })
  log.write([])
}

async function run({ quick, say }: Bench): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'althing-bench-audit-'))
  const path = join(directory, 'store.db')
  const store = openStore(path, SILENT)
  const table = createAuditTable(store.database)
  const options = { store, table, walPath: `${path}-wal`, clock: systemClock(), log: SILENT, keep: 1_000_000 }
  const log = new AuditLog(options)
  try {
    const events = quick ? 100_000 : 1_000_000
    say(`writing ${events} events`)
    let fromMs = performance.now()
    let cpu = process.cpuUsage()
    const cpuMs = (): number => {
      const { user, system } = process.cpuUsage(cpu)
      return (user + system) / 1000
    }
    const early = events / 3
    for (let task = 0; log.head().size < early; task++) write(log, task)
    const old = log.head()
    for (let task = old.size; log.head().size < events; task++) write(log, task)
    const appendMs = (performance.now() - fromMs) / events
    const appendCpuMs = cpuMs() / events
    cpu = process.cpuUsage()
    say('verifying all of them')
    fromMs = performance.now()
    const problems = await problemsOf({ log, table }, log.head(), new AbortController().signal)
    const verifyMs = performance.now() - fromMs
    const verifyCpuMs = cpuMs()
    if (problems.length > 0) throw new Error(problems.join('\n'))
    fromMs = performance.now()
    const proof = consistencyProof(old.size, events, log.subtree)
    const proveMs = performance.now() - fromMs
    if (!verifyConsistency(old, log.head(), proof)) throw new Error('the log does not prove that it grew')
    const how = `${events} events, ${A_WRITE} a transaction`
    return [
      { name: 'audit: append', unit: 'ms', measured: appendMs, target: { atMost: 0.1 }, how },
      {
        name: 'audit: append, CPU',
        unit: 'ms',
        measured: appendCpuMs,
        how: 'what other work on the machine does not show in',
      },
      {
        name: 'audit: verify all',
        unit: 's',
        measured: verifyMs / 1000,
        target: { atMost: 60 },
        how: `${events} events: each decoded, hashed, held against its index, stored hashes and root`,
      },
      { name: 'audit: verify all, CPU', unit: 's', measured: verifyCpuMs / 1000, how: 'as above' },
      {
        name: 'audit: prove growth',
        unit: 'ms',
        measured: proveMs,
        how: `from a third of ${events} events, ${proof.length} hashes`,
      },
      {
        name: 'audit: disk',
        unit: 'bytes',
        measured: statSync(path).size / events,
        how: 'per event, its indices included',
      },
    ]
  } finally {
    log.close()
    store.close()
    rmSync(directory, { recursive: true })
  }
}

export const audit: Suite = {
  name: 'audit',
  what: 'append to, verify and prove an audit log',
  onlyWhenNamed: true,
  run,
}
