/** Takes up on this node what the admins of its cluster decided: in one place, whenever the log has changed. */
import { configurationOn } from '../../governance/configuration.ts'
import { DECIDED_LEVELS } from '../../model/policy-levels.ts'
import { messageOf } from '../../util/errors.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { adoptPolicy } from './decided-policy.ts'

/** The log may say something else than before. Nothing is awaited: whoever changed the log goes on meanwhile. */
export function adoptDecisions(parts: DaemonParts): void {
  const { governor, log, settings, trialWatch } = parts
  const held = governor.state && configurationOn(governor.state)
  settings.decide(held?.holds)
  trialWatch.follow(held)
  const decided = governor.state?.log.authority.policies
  Promise.all(DECIDED_LEVELS.map((level) => adoptPolicy(parts, level, decided?.[level]))).catch((error: unknown) => {
    log.error({ error: messageOf(error) }, 'what the admins decided could not be taken up')
  })
}
