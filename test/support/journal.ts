/** A journal on any store, and a loop that has nothing to do but to write to it. */
import type { AuditDraft } from '../../src/model/audit.ts'
import { MeshLoop } from '../../src/node/loop.ts'
import type { Journal } from '../../src/node/write-behind.ts'
import type { Store } from '../../src/store/store.ts'
import { manualClock } from '../../src/util/clock.ts'
import { SILENT } from '../../src/util/logger.ts'

/** The documents of a store, and the events that were written along with them. */
export function journalOf(store: Pick<Store, 'write'>, written: AuditDraft[] = []): Journal {
  let noted: AuditDraft[] = []
  return {
    get waiting() {
      return noted.length
    },
    note: (one) => void noted.push(one),
    write(writes, events = []) {
      store.write(writes)
      written.push(...noted, ...events)
      noted = []
    },
  }
}

/** A loop whose core does nothing. */
export function idleLoop(store: Pick<Store, 'write'>, written: AuditDraft[] = []): MeshLoop {
  return new MeshLoop({
    core: { step: () => [], nextWakeMs: () => undefined },
    ...{ journal: journalOf(store, written), clock: manualClock(1_000), log: SILENT, carry: () => {} },
  })
}

/** A store whose disk takes nothing while `isFull`. */
export function fillable(inner: Store): Store & { isFull: boolean } {
  const write: Store['write'] = (writes, alongside) => {
    if (store.isFull) throw new Error('no space left on device')
    inner.write(writes, alongside)
  }
  const store = { ...inner, isFull: false, write, writeDurably: write }
  return store
}
