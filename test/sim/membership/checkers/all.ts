/** Every rule, each with its own memory. */
import type { Checker } from '../checker.ts'
import { AccuracyChecker } from './accuracy.ts'
import { BoundsChecker } from './bounds.ts'
import { BrakeChecker } from './brake.ts'
import { CompletenessChecker } from './completeness.ts'
import { PairsChecker } from './pairs.ts'
import { PromptChecker } from './prompt.ts'
import { TimeChecker } from './time.ts'
import { WatchingChecker } from './watching.ts'

export function allCheckers(): Checker[] {
  return [
    new AccuracyChecker(),
    new CompletenessChecker(),
    new PromptChecker(),
    new PairsChecker(),
    new BoundsChecker(),
    new BrakeChecker(),
    new WatchingChecker(),
    new TimeChecker(),
  ]
}
