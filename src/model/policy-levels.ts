/** Whose policy: a task needs the leave of all that there are, each evaluated by itself. */

/** What the admins of a cluster decide: for the cluster, and for the network of clusters they have agreed with. */
export const DECIDED_LEVELS = ['cluster', 'network'] as const
/** One of `DECIDED_LEVELS`. */
export type DecidedLevel = (typeof DECIDED_LEVELS)[number]

/** All of them; the first is for the owner of a machine to decide. */
export const POLICY_LEVELS = ['node', ...DECIDED_LEVELS] as const
/** One of `POLICY_LEVELS`. */
export type PolicyLevel = (typeof POLICY_LEVELS)[number]
