/**
 * The daemon's surface as one tenant sees it. Every operation stands here by name, so that one that is added has to be
 * decided on: what is about the tenant's own work is narrowed to it, what is about all is passed on, and the rest is
 * refused, though no route asks for it on behalf of a tenant.
 */
import type { MeshEvent, StatusView } from '../../model/api.ts'
import type { AuditPage } from '../../model/audit-view.ts'
import { subjectsOf, type AuditEvent } from '../../model/audit.ts'
import { TASK_STATES } from '../../model/task.ts'
import { attemptRefOf, runIdOf } from '../../negotiation/state.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { OperationError, type Operations } from '../operations.ts'
import { findTask, tenantOf } from '../task-list.ts'
import { whyJob } from '../task-operations.ts'

/** Narrows `all`, the operations of everybody. */
export function tenantOperations(parts: DaemonParts, all: Operations, tenant: string): Operations {
  /** The whole id of a task of the tenant's. */
  const own = (id: string): string => findTask(parts, id, tenant).view.taskId
  const isOwn = (id: string): boolean => tenantOf(parts, id) === tenant
  return {
    ready: all.ready,
    health: all.health,
    nodes: all.nodes,
    node: all.node,
    topology: all.topology,
    find: all.find,
    quarantined: all.quarantined,
    wards: all.wards,
    wardNodes: all.wardNodes,
    addBundle: all.addBundle,
    status: () => statusOf(all, tenant),
    submit: (request) => all.submit(request, tenant),
    quote: all.quote,
    within: (name) => all.within(name).ofTenant(tenant),
    clusterNames: all.clusterNames,
    clusters: () => all.clusters().map(({ name, first }) => ({ name, first })),
    tasks: (query) => all.tasks(query).filter((task) => task.tenant === tenant),
    task: (id) => all.task(own(id)),
    waitTask: async (id, signal) => all.waitTask(own(id), signal),
    why: (id) => all.why(own(id)),
    whyJob: (jobId) => whyJob(parts, jobId, tenant),
    cancel: (id) => all.cancel(own(id)),
    logs: (id, query) => all.logs(own(id), query),
    output: async (id) => all.output(own(id)),
    explainPolicy: (id) => all.explainPolicy(own(id)),
    subscribe: (sinceId, listener) =>
      all.subscribe(sinceId, (event) => {
        if (isSeen(event, isOwn, parts.mesh.self)) listener(event)
      }),
    auditPage: async (query) => pageOf(await all.auditPage(query), isOwn),
    auditEvent: async (position) => {
      const proof = await all.auditEvent(position)
      if (isAbout(proof.event, isOwn)) return proof
      throw new OperationError('not-found', `there is no event ${position} of your work`)
    },
    auditStory: async (taskId, signal) => all.auditStory(own(taskId), signal),
    ofTenant: refused,
    get tokens() {
      return refused()
    },
    get cluster() {
      return refused()
    },
    ...REFUSED,
  }
}

function refused(): never {
  throw new OperationError('not-found', 'a tenant has only its own work')
}

/** About the host and the cluster as a whole. */
const REFUSED = {
  operate: refused,
  trust: refused,
  addTrust: refused,
  removeTrust: refused,
  policy: refused,
  applyPolicy: refused,
  removePolicy: refused,
  tryPolicy: refused,
  policyHistory: refused,
  applyPassports: refused,
  metrics: refused,
  examine: refused,
  reachability: refused,
  verifyAudit: refused,
  exportAudit: refused,
  acceptAudit: refused,
  forgetCluster: refused,
  shutdown: refused,
}

/** Counts its own tasks alone; how busy the node is, its heartbeats tell everybody. */
function statusOf(all: Operations, tenant: string): StatusView {
  const tasks = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as StatusView['tasks']
  for (const task of all.tasks({ all: true })) if (task.tenant === tenant) tasks[task.state]++
  return { ...all.status(), tasks }
}

/** Nodes come and go for all to see; of work it sees its own, and nothing of whose work runs here. */
function isSeen({ type, subject }: MeshEvent, isOwn: (id: string) => boolean, self: string): boolean {
  switch (type) {
    case 'node':
    case 'reset':
      return true
    case 'task':
    case 'job':
      return isOwn(subject)
    case 'contract': {
      // Others choose the ids of their tasks, and may choose one of these.
      const { taskId, attempt } = attemptRefOf(subject)
      return subject === runIdOf(self, taskId, attempt) && isOwn(taskId)
    }
    default:
      return false
  }
}

/** Events of its tasks and jobs, as long as this node knows those; the next page begins where it would for all. */
function pageOf(page: AuditPage, isOwn: (id: string) => boolean): AuditPage {
  return { ...page, entries: page.entries.filter(({ event }) => isAbout(event, isOwn)) }
}

function isAbout(event: AuditEvent, isOwn: (id: string) => boolean): boolean {
  const { taskId, jobId } = subjectsOf(event)
  return (taskId !== null && isOwn(taskId)) || (jobId !== null && isOwn(jobId))
}
