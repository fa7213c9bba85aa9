/** A policy that admins decided, among the facts of the daemon. */
import type { MembershipView } from '../../../src/model/cluster.ts'

interface DecidedPolicyProps {
  readonly title: string
  readonly policy: MembershipView['networkPolicy']
}

/** Nothing where there is none; red where it cannot be used, for then nothing runs here. */
export function DecidedPolicy({ title, policy }: DecidedPolicyProps) {
  if (policy === undefined) return null
  const { name, version, unusable } = policy
  return (
    <div>
      <dt>{title}</dt>
      <dd class={unusable === undefined ? '' : 'bad'} title={unusable}>
        {name}, version {version}
        {unusable !== undefined && ': cannot be used, everything is refused'}
      </dd>
    </div>
  )
}
