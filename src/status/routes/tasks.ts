/** Routes about work: bundles, jobs, tasks, their logs and outputs. */
import * as z from 'zod'
import { may, type Principal } from '../../model/access.ts'
import type { LogEnd, LogLine } from '../../model/api.ts'
import { JobRequest } from '../../model/job-request.ts'
import { messageOf } from '../../util/errors.ts'
import { NDJSON_TYPE, streamNdjson } from '../ndjson.ts'
import { ApiError } from '../problem.ts'
import { route, type Route } from '../route.ts'
import { Flag, json, problem } from './shared.ts'

/** A spec may take 64 KiB encoded; JSON with its escapes takes up to a few times that. */
const MAX_JOB_BYTES = 512 * 1024
const TAR_TYPE = 'application/x-tar'

const noSuchTask = problem('No such task, or several whose id begins so.')

export const taskRoutes: readonly Route[] = [
  route({
    id: 'addBundle',
    method: 'POST',
    path: '/v1/bundles',
    summary: 'Stores an input bundle and answers its content hash, to name in a job.',
    right: 'submit',
    body: { kind: 'stream', type: TAR_TYPE },
    replies: {
      201: json('Stored.', ({ BundleAccepted }) => BundleAccepted),
      507: problem('The disk is full, or the bundle over the cap.'),
    },
    handle: async ({ operations, body }) => ({ status: 201, json: await operations.addBundle(body) }),
  }),
  route({
    id: 'submitJob',
    method: 'POST',
    path: '/v1/jobs',
    summary: 'Submits one task or many equal ones to be placed by bargaining.',
    right: 'submit',
    body: { kind: 'json', type: 'application/json', schema: JobRequest, maxBytes: MAX_JOB_BYTES },
    replies: {
      201: json('Accepted and stored; nothing is placed yet.', ({ JobAccepted }) => JobAccepted),
      404: problem('The node that it names is not known.'),
      409: problem('It names more than one node.'),
      422: problem('The job does not fit its schema; `errors` names the fields.'),
      429: problem('Too many tasks wait already.'),
    },
    handle: async ({ operations, body }) => ({ status: 201, json: await operations.submit(body) }),
  }),
  route({
    id: 'quoteJob',
    method: 'POST',
    path: '/v1/quotes',
    summary: 'Asks who would take such a job, and gives every bid back; nothing is run.',
    right: 'submit',
    body: { kind: 'json', type: 'application/json', schema: JobRequest, maxBytes: MAX_JOB_BYTES },
    replies: {
      200: json('What was said.', ({ QuoteView }) => QuoteView),
      422: problem('The job does not fit its schema; `errors` names the fields.'),
    },
    handle: async ({ operations, body }) => ({ status: 200, json: await operations.quote(body) }),
  }),
  route({
    id: 'listTasks',
    method: 'GET',
    path: '/v1/tasks',
    summary: 'Tasks submitted or run here.',
    right: 'read',
    query: z.strictObject({ all: Flag.describe('Also those that ended.') }),
    replies: { 200: json('The tasks.', ({ TaskView }) => z.array(TaskView)) },
    handle: ({ operations, query }) => ({ status: 200, json: operations.tasks({ all: query.all === 'true' }) }),
  }),
  route({
    id: 'getTask',
    method: 'GET',
    path: '/v1/tasks/{id}',
    summary: 'One task, by id or unique prefix; with wait=ended answered when it has ended.',
    right: 'read',
    query: z.strictObject({ wait: z.literal('ended').optional() }),
    replies: { 200: json('The task.', ({ TaskView }) => TaskView), 404: noSuchTask },
    async handle({ operations, params, query, signal }) {
      const id = params['id']!
      if (query.wait === undefined) return { status: 200, json: operations.task(id) }
      return { status: 200, json: await operations.waitTask(id, signal) }
    },
  }),
  route({
    id: 'whyTask',
    method: 'GET',
    path: '/v1/tasks/{id}/why',
    summary: 'The whole bargaining over a task: offers, bids, declines, who was not asked, awards.',
    right: 'read',
    replies: { 200: json('The story.', ({ WhyView }) => WhyView), 404: noSuchTask },
    handle: ({ operations, params }) => ({ status: 200, json: operations.why(params['id']!) }),
  }),
  route({
    id: 'whyJob',
    method: 'GET',
    path: '/v1/jobs/{id}/why',
    summary: 'The whole bargaining over a job, once, and what became of each of its tasks.',
    right: 'read',
    replies: { 200: json('The story.', ({ JobWhyView }) => JobWhyView), 404: problem('No such job.') },
    handle: ({ operations, params }) => ({ status: 200, json: operations.whyJob(params['id']!) }),
  }),
  route({
    id: 'cancelTask',
    method: 'POST',
    path: '/v1/tasks/{id}/cancel',
    summary: 'Ends a task: SIGTERM, its grace, SIGKILL. Answers before it has ended.',
    right: 'submit',
    replies: {
      202: json('The task as it is now.', ({ TaskView }) => TaskView),
      404: noSuchTask,
      409: problem('It has ended.'),
    },
    handle({ operations, params, principal }) {
      const { taskId, tenant } = operations.task(params['id']!)
      refuseOthers(principal!, taskId, tenant)
      return { status: 202, json: operations.cancel(taskId) }
    },
  }),
  route({
    id: 'readLogs',
    method: 'GET',
    path: '/v1/tasks/{id}/logs',
    summary: 'What a task wrote, as lines of JSON (LogLine); with follow=true until it has ended.',
    right: 'read',
    query: z.strictObject({ follow: Flag, stream: z.enum(['stdout', 'stderr', 'both']).default('both') }),
    replies: {
      200: { description: 'One LogLine a line; a LogEnd as the last when the rest cannot be had.', type: NDJSON_TYPE },
      404: noSuchTask,
    },
    async handle({ operations, params, query, response, signal }) {
      // Asked for first, since an unknown task is a 404 only as long as no line has been sent.
      const { taskId } = operations.task(params['id']!)
      const lines = operations.logs(taskId, { follow: query.follow === 'true', stream: query.stream, signal })
      await streamNdjson(response, endedInWords(lines, signal), signal)
      return undefined
    },
  }),
  route({
    id: 'readOutput',
    method: 'GET',
    path: '/v1/tasks/{id}/output',
    summary: 'What a task left in $ALTHING_OUTPUT, as a tar.',
    right: 'read',
    replies: {
      200: { description: 'The tar.', type: TAR_TYPE },
      404: problem('No such task, or it kept no output.'),
      410: problem('The output was there and is gone.'),
    },
    handle: async ({ operations, params }) => ({
      status: 200,
      type: TAR_TYPE,
      stream: await operations.output(params['id']!),
    }),
  }),
]

/** A submitter ends what is its own; anybody's work is an operator's to end. @throws ApiError 403 */
function refuseOthers(principal: Principal, taskId: string, tenant: string | undefined): void {
  if (tenant === principal.tenant || may(principal, 'operate')) return
  throw new ApiError(403, 'not-allowed', `task ${taskId} is of tenant ${tenant}; ${principal.name} is not`, {
    fix: 'ask with a token of that tenant, or with one that has role operator',
  })
}

/** The status line was sent long ago, so a log that breaks says so in its last line. */
async function* endedInWords(lines: AsyncIterable<LogLine>, signal: AbortSignal): AsyncGenerator<LogLine | LogEnd> {
  try {
    yield* lines
  } catch (error) {
    if (signal.aborted) return
    yield { error: { code: 'log-unavailable', detail: messageOf(error) } }
  }
}
