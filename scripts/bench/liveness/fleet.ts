/** A mesh of members on hosts of their own, and what is said in it that is not so. */
import { untilTrue } from '../wait.ts'
import type { Hosts } from '../hosts.ts'
import type { Kind, Member } from './member.ts'

/** All see all: generous, for 32 daemons that start on two cores. */
const MEET_TIMEOUT_MS = 120_000
const MEET_LOOK_MS = 100
/** Daemons that start at the same time: more only wait for one another. */
const STARTS_AT_ONCE = 4

export interface Fleet {
  readonly kind: Kind
  readonly hosts: Hosts
  readonly members: Member[]
  /** Who held whom offline that was well, and when. */
  readonly wrongs: string[]
}

/** Starts a member on each host. Resolves once all know each other. */
export async function assemble(kind: Kind, hosts: Hosts): Promise<Fleet> {
  const [first, ...others] = hosts.all
  const seed = await kind.start(first!)
  const members = [seed]
  while (others.length > 0) {
    members.push(...(await Promise.all(others.splice(0, STARTS_AT_ONCE).map((host) => kind.start(host, seed)))))
  }
  const fleet = { kind, hosts, members, wrongs: [] }
  await meet(fleet)
  return fleet
}

/** Resolves once each of these members, all unless said otherwise, has all of them and nobody else. */
export async function meet(
  { kind, members: all }: Fleet,
  {
    members = all,
    withinMs = MEET_TIMEOUT_MS,
  }: { readonly members?: readonly Member[]; readonly withinMs?: number } = {},
): Promise<void> {
  let counts: number[] = []
  const look = async (): Promise<boolean> => {
    counts = await Promise.all(members.map((member) => member.countPresent()))
    return counts.every((count) => count === members.length)
  }
  const what = `${members.length} members of ${kind.name} that know each other`
  await untilTrue(what, withinMs, look, () => `they see ${counts.join(', ')}`, MEET_LOOK_MS)
}

/** Notes what was said of members that are well: all that was said since the last time, but of the `lost`. */
export function noteWrongs({ members, wrongs }: Fleet, when: string, lost: readonly Member[] = []): void {
  const nameOf = (id: string): string => members.find((member) => member.id === id)?.host.name ?? id
  for (const { host, losses } of members) {
    for (const id of losses.clear())
      if (!lost.some((one) => one.id === id)) wrongs.push(`${host.name} of ${nameOf(id)}, ${when}`)
  }
}
