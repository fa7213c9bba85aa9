/** The checkers every seed runs under. */
import type { Resources } from '../../../src/model/resources.ts'
import type { Checker, MeshConfig } from '../checker.ts'
import type { HouseRules } from '../house-rules.ts'
import { AttemptsChecker } from './attempts.ts'
import { AuditChecker } from './audit.ts'
import { BoundsChecker } from './bounds.ts'
import { CancelsChecker } from './cancels.ts'
import { CordonChecker } from './cordon.ts'
import { ConvergenceChecker } from './convergence.ts'
import { EquivocationChecker } from './equivocation.ts'
import { DurabilityChecker } from './durability.ts'
import { PolicyChecker } from './policy.ts'
import { ReservationsChecker } from './reservations.ts'
import { SharesChecker } from './shares.ts'
import { SpreadChecker } from './spread.ts'
import { StoriesChecker } from './stories.ts'
import { TasksChecker } from './tasks.ts'

/** New ones, with empty books. */
export function allCheckers(
  config: MeshConfig,
  capacities: ReadonlyMap<string, Resources>,
  rulesOf: (node: string) => HouseRules,
): Checker[] {
  return [
    new ReservationsChecker(config, capacities),
    new AttemptsChecker(config),
    new DurabilityChecker(),
    new CancelsChecker(),
    new BoundsChecker(),
    new SharesChecker(config),
    new SpreadChecker(config),
    new StoriesChecker(config),
    new PolicyChecker(rulesOf),
    new CordonChecker(),
    new TasksChecker(),
    new ConvergenceChecker(),
    new EquivocationChecker(),
    new AuditChecker(),
  ]
}
