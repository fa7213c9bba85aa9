/** Brings a daemon up whose parts stand: from the store to the network, and says how that is undone. */
import { setTimeout as pause } from 'node:timers/promises'
import { configurationOn } from '../governance/configuration.ts'
import { createSampler } from '../hw/sampler.ts'
import type { DaemonParts } from './daemon-state.ts'
import { adoptRuns, restoreMesh } from './restore.ts'
import type { Runner } from './runner.ts'
import type { Undo } from './undo.ts'
import { VERSION } from './version.ts'

/** What the last heartbeat gets to reach the neighbours. */
const GOODBYE_MS = 100

/** The turns in which others hear that this node is ready. */
const ISOLATION_AFTER_MS = 250

/** Nothing is said to others before what was said earlier is known again. */
export async function bringUp(parts: DaemonParts, runner: Runner, epoch: number, undo: Undo): Promise<void> {
  const { loop, store, clock, log, driver, mesh, peer, options, bundles, policies, settings, governor, porch } = parts
  undo.add('loop', () => loop.close())
  undo.add('runner', () => runner.close())
  for (const sha256 of bundles.list()) loop.input({ type: 'bundle', sha256, here: true })
  // Before anything that it may forbid is here again.
  settings.decide(governor.state && configurationOn(governor.state)?.holds)
  await policies.restore(governor.state?.log.authority.policies)
  loop.note({ type: 'daemon.started', epoch, version: VERSION, open: mesh.local.open })
  restoreMesh(loop, store, (author) => governor.mayLink(author), clock, log)
  await adoptRuns(loop, driver, runner, mesh, log)
  // What it has of this machine is in its own books from here on.
  parts.machine.broker.settled(options.paths.dataDir)
  const sampler = createSampler({ clock, onSample: (sample) => void loop.input({ type: 'sample', sample }) })
  sampler.start()
  undo.add('sampler', () => sampler.stop())
  undo.add('peer', () => peer.stop())
  await peer.start()
  // What was restored may need bundles of others: only now can they be reached.
  runner.open()
  undo.add('goodbye', async () => {
    loop.input({ type: 'leave' })
    loop.note({ type: 'daemon.stopped' })
    // Gossip leaves on the next turns of the event loop; closing the links at once would cut it off.
    if (peer.peers().length > 0) await pause(GOODBYE_MS)
  })
  parts.refresh()
  undo.add('governor', () => governor.stop())
  undo.add('porch', () => porch.close())
  // Other members are known already, and dialled: this node waits for one of them as it would for one to join by.
  const others = governor.state === undefined ? 0 : governor.state.roster.members.size - 1
  loop.input({ type: 'start', epoch, alone: (options.join ?? []).length === 0 && others < 1 })
  governor.start()
  await porch.tend()
  examineIsolation(parts, undo)
}

/** Whether tasks can be isolated is found out when the node is ready: nobody is to wait for it. */
function examineIsolation({ driver, refresh, log }: DaemonParts, undo: Undo): void {
  const timer = setTimeout(() => {
    void driver.examineIsolation().then((isolation) => {
      log.info({ isolation }, isolation.works ? 'tasks can be isolated' : 'tasks cannot be isolated')
      refresh()
    })
  }, ISOLATION_AFTER_MS)
  undo.add('isolation', () => clearTimeout(timer))
}
