/** Routes about audit logs: reading, proving, verifying, exporting. */
import * as z from 'zod'
import { Id } from '../../model/negotiation.ts'
import { NDJSON_TYPE } from '../ndjson.ts'
import { ApiError } from '../problem.ts'
import { route, type Route } from '../route.ts'
import { given, json, problem } from './shared.ts'

/** Events of one page at most, and by default. */
const MAX_PAGE = 1_000
const DEFAULT_PAGE = 200

const whole = z.string().regex(/^\d{1,15}$/, 'expected a whole number')
const Since = whole.optional().describe('Unix milliseconds: only events that are not older.')

export const auditRoutes: readonly Route[] = [
  route({
    id: 'listAudit',
    method: 'GET',
    path: '/v1/audit/events',
    summary: 'Events of the audit log, the newest first; `next` is where the next page begins.',
    right: 'read',
    query: z.strictObject({
      before: whole.optional().describe('Only events below this position.'),
      since: Since,
      type: z.string().max(32).optional().describe('Only types that begin so: `run.` for all of runs.'),
      limit: whole.default(String(DEFAULT_PAGE)).describe(`Events of a page, ${MAX_PAGE} at most.`),
    }),
    replies: {
      200: json('A page. It may be empty and still have a next one.', ({ AuditPage }) => AuditPage),
    },
    handle: async ({ operations, query: { before, since, type, limit } }) => ({
      status: 200,
      json: await operations.auditPage({
        ...given('before', before === undefined ? undefined : Number(before)),
        ...given('sinceMs', since === undefined ? undefined : Number(since)),
        ...given('type', type),
        limit: Math.min(MAX_PAGE, Math.max(1, Number(limit))),
      }),
    }),
  }),
  route({
    id: 'getAuditEvent',
    method: 'GET',
    path: '/v1/audit/events/{position}',
    summary: 'One event with its inclusion proof and the signed head the proof leads to.',
    right: 'read',
    replies: {
      200: json('The event.', ({ AuditProofView }) => AuditProofView),
      404: problem('No such event.'),
      410: problem('It was dropped with the oldest.'),
    },
    handle: async ({ operations, params }) => ({
      status: 200,
      json: await operations.auditEvent(Number(checked(whole, 'position', params['position']))),
    }),
  }),
  route({
    id: 'getAuditStory',
    method: 'GET',
    path: '/v1/audit/tasks/{id}',
    summary: 'The story of a task as each node involved has written it, each event with its proof.',
    right: 'read',
    replies: {
      200: json('The story; this node comes first.', ({ AuditStory }) => AuditStory),
      404: problem('Nothing was written of it.'),
    },
    handle: async ({ operations, params, signal }) => ({
      status: 200,
      json: await operations.auditStory(checked(Id, 'task', params['id']), signal),
    }),
  }),
  route({
    id: 'verifyAudit',
    method: 'POST',
    path: '/v1/audit/verifications',
    summary: 'Reads the whole log and holds it, and those of neighbours, against every head that is known.',
    right: 'operate',
    replies: {
      200: json('What was found.', ({ AuditVerdict }) => AuditVerdict),
    },
    handle: async ({ operations, signal }) => ({ status: 200, json: await operations.verifyAudit(signal) }),
  }),
  route({
    id: 'exportAudit',
    method: 'GET',
    path: '/v1/audit/export',
    summary: 'The log as lines of JSON that verify without this daemon: an AuditFileHead, then AuditFileLines.',
    right: 'read-host',
    query: z.strictObject({ since: Since }),
    replies: { 200: { description: 'The lines.', type: NDJSON_TYPE } },
    handle: async ({ operations, query: { since } }) => ({
      status: 200,
      type: NDJSON_TYPE,
      stream: await operations.exportAudit(since === undefined ? undefined : Number(since)),
    }),
  }),
  route({
    id: 'acceptAudit',
    method: 'DELETE',
    path: '/v1/audit/alarms/{peer}',
    summary: 'Believes the log of a peer again: somebody knows why it contradicted itself.',
    right: 'operate',
    replies: {
      200: json('Done.', () => z.strictObject({ accepted: z.string() })),
      404: problem('There is no alarm over it.'),
    },
    handle: ({ operations, params }) => {
      operations.acceptAudit(params['peer']!)
      return { status: 200, json: { accepted: params['peer']! } }
    },
  }),
]

function checked(schema: z.ZodType<string>, what: string, value: string | undefined): string {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new ApiError(422, 'invalid', `${what}: ${parsed.error.issues[0]?.message}`)
}
