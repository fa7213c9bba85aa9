/** The words of a policy, for those who need them without its schema. */

/** What a rule is, by the one field of these that it has. */
export const RULE_KINDS = ['allow', 'deny', 'drivers', 'commands', 'caps', 'quota', 'placement', 'leaving'] as const
/** One of `RULE_KINDS`. */
export type RuleKind = (typeof RULE_KINDS)[number]

/** How often what a quota counts begins anew: at the full hour, at midnight, on Mondays, in UTC. */
export const PERIODS = ['hour', 'day', 'week'] as const
/** One of `PERIODS`. */
export type Period = (typeof PERIODS)[number]

/** What a rule with `operations` can be about; `cordon` is about lifting it, too. */
export const RULED_OPERATIONS = ['cordon', 'drain'] as const
/** One of `RULED_OPERATIONS`. */
export type RuledOperation = (typeof RULED_OPERATIONS)[number]
