/** The settings that admins decided for all members, among the facts of the daemon. */
import type { MembershipView } from '../../../src/model/cluster.ts'
import { count } from '../format.ts'

type Decided = NonNullable<MembershipView['configuration']>

/** Nothing where there are none; red where they were tried and given up. */
export function DecidedSettings({ settings }: { readonly settings: Decided | undefined }) {
  if (settings === undefined) return null
  return (
    <div>
      <dt>Settings of the cluster</dt>
      <dd class={settings.stage === 'rolled-back' ? 'bad' : ''}>
        version {settings.version}
        {whatBecame(settings)}
      </dd>
    </div>
  )
}

function whatBecame({ stage, canaries = 0, of }: Decided): string {
  const some = of === undefined ? count(canaries, 'node') : `${canaries} of ${count(of, 'node')}`
  switch (stage) {
    case 'everywhere':
      return ''
    case 'trial':
      return `: ${some} ${canaries === 1 ? 'tries' : 'try'} it first`
    case 'promoted':
      return `, after ${some} had tried it`
    case 'rolled-back':
      return `, tried by ${some}: given up`
  }
}
