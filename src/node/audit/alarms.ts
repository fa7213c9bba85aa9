/** Alarms over the logs of others, as people and programs are shown them. */
import type { Alarm } from '../../audit/witness.ts'
import type { MeshState } from '../../mesh/types.ts'
import type { AuditAlarmView } from '../../model/audit-alarm.ts'

/** All there are; `name` turns a node into what people call it. */
export function alarmViews({ audit }: MeshState, name: (peer: string) => string): AuditAlarmView[] {
  return [...audit.witness.alarms].map(([peer, alarm]) => alarmView(peer, name(peer), alarm))
}

function alarmView(peer: string, name: string, { what, atMs, first, second, path }: Alarm): AuditAlarmView {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  return {
    peer,
    name,
    what,
    atMs,
    firstSize: first.size,
    secondSize: second.size,
    first: base64(first.record),
    second: base64(second.record),
    path: path.map((hash) => Buffer.from(hash).toString('hex')),
  }
}
