/** What the store of a cluster says while nothing of it runs. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { addResources, NO_RESOURCES, type Resources } from '../../model/resources.ts'
import type { ContractState } from '../../negotiation/types.ts'
import { openStore } from '../../store/sqlite.ts'
import type { Store } from '../../store/store.ts'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { openAuditLog } from '../audit/parts.ts'
import type { Beginning } from '../governance/beginning.ts'
import type { Machine } from './machine.ts'

function withStore<Outcome>(dir: string, log: Logger, read: (store: Store) => Outcome): Outcome {
  const store = openStore(join(dir, 'althing.db'), log)
  try {
    return read(store)
  } finally {
    store.close()
  }
}

/** Whether it belongs to a cluster still. @throws StoreError */
export function isMember(dir: string, log: Logger): boolean {
  return existsSync(join(dir, 'althing.db')) && withStore(dir, log, (store) => store.load('cluster').size > 0)
}

/** What its tasks have of this machine, which may run on. Of a store that cannot be read nothing is known. */
export function reservedIn(dir: string, log: Logger): Resources {
  if (!existsSync(join(dir, 'althing.db'))) return NO_RESOURCES
  try {
    const contracts = withStore(dir, log, (store) => [...store.load('contract').values()] as ContractState[])
    const open = contracts.filter(({ phase }) => phase === 'accepted' || phase === 'running')
    return open.reduce((sum, { spec }) => addResources(sum, spec.resources), NO_RESOURCES)
  } catch (error) {
    log.error({ dir, error: messageOf(error) }, 'what a cluster has of this machine cannot be read')
    return NO_RESOURCES
  }
}

/** What a member's store begins with, and the event that tells of it. @throws StoreError */
export function writeBeginning(dir: string, { writes, event }: Beginning, { log, clock }: Machine): void {
  withStore(dir, log, (store) => {
    const audit = openAuditLog(store as Parameters<typeof openAuditLog>[0], clock, log)
    try {
      audit.log.write(writes, [event], 'durably')
    } finally {
      audit.log.close()
    }
  })
}
