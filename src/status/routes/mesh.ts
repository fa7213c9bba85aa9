/** Routes about the mesh: this daemon, the nodes, what they can do, whom this one trusts, and events. */
import * as z from 'zod'
import { ApiError } from '../problem.ts'
import { route, type Route } from '../route.ts'
import { Flag, given, json, problem, Selector } from './shared.ts'

/** A libp2p peer id as text is at most this long; 128 leaves room for other key types. */
const PeerId = z.string().min(1).max(128)
const LastEventId = z
  .string()
  .regex(/^\d{1,15}$/)
  .describe('The id of the last event that was seen; events kept since are told first.')
const MAX_PASSPORT_FILE_BYTES = 1024 * 1024
const SMALL_BODY_BYTES = 4 * 1024

export const meshRoutes: readonly Route[] = [
  route({
    id: 'getStatus',
    method: 'GET',
    path: '/v1/status',
    summary: 'This daemon: who it is, where it listens, what it has and runs.',
    right: 'read',
    replies: { 200: json('The daemon.', ({ StatusView }) => StatusView) },
    handle: ({ operations }) => ({ status: 200, json: operations.status() }),
  }),
  route({
    id: 'listNodes',
    method: 'GET',
    path: '/v1/nodes',
    summary: 'The machines of the mesh as this daemon knows them.',
    right: 'read',
    query: z.strictObject({ selector: Selector, all: Flag.describe('Also those offline.') }),
    replies: {
      200: json('The nodes.', ({ NodeView }) => z.array(NodeView)),
      422: problem('The selector does not parse.'),
    },
    handle: ({ operations, query }) => ({
      status: 200,
      json: operations.nodes({ ...given('selector', query.selector), all: query.all === 'true' }),
    }),
  }),
  route({
    id: 'listQuarantined',
    method: 'GET',
    path: '/v1/quarantined',
    summary: 'Who signed two records under one number and is cut off for it, each with both records as proof.',
    right: 'read',
    replies: { 200: json('The proofs.', ({ QuarantineProofView }) => z.array(QuarantineProofView)) },
    handle: ({ operations }) => ({ status: 200, json: operations.quarantined() }),
  }),
  route({
    id: 'getNode',
    method: 'GET',
    path: '/v1/nodes/{id}',
    summary: 'One machine, by peer id, unique prefix of it, or name.',
    right: 'read',
    replies: { 200: json('The node.', ({ NodeView }) => NodeView), 404: problem('No such node.') },
    handle: async ({ operations, params }) => ({ status: 200, json: await operations.node(params['id']!) }),
  }),
  route({
    id: 'getTopology',
    method: 'GET',
    path: '/v1/topology',
    summary: 'Where everybody is: zones and regions, round trips from this daemon, bandwidth where it was measured.',
    right: 'read',
    replies: { 200: json('The nodes and where they are.', ({ TopologyView }) => TopologyView) },
    handle: ({ operations }) => ({ status: 200, json: operations.topology() }),
  }),
  route({
    id: 'findCapability',
    method: 'GET',
    path: '/v1/capabilities/{name}',
    summary: 'Who offers a capability, least loaded first.',
    right: 'read',
    query: z.strictObject({ selector: Selector }),
    replies: {
      200: json('At least one match.', ({ FoundView }) => FoundView),
      404: problem('`no-capable-nodes`: nobody does; `reasons` says why those that name it do not count.'),
    },
    async handle({ operations, params, query }) {
      const found = await operations.find(params['name']!, given('selector', query.selector))
      if (found.matches.length > 0) return { status: 200, json: found }
      throw new ApiError(404, 'no-capable-nodes', `no node offers ${found.capability}`, {
        fix: 'see `althing nodes --all` for who is there; `althing apply -f FILE` publishes a passport',
        members: { reasons: found.reasons },
      })
    },
  }),
  route({
    id: 'listTrust',
    method: 'GET',
    path: '/v1/trust',
    summary: 'The peers whose tasks run here.',
    right: 'read-host',
    replies: { 200: json('The list.', ({ TrustView }) => TrustView) },
    handle: ({ operations }) => ({ status: 200, json: operations.trust() }),
  }),
  route({
    id: 'addTrust',
    method: 'POST',
    path: '/v1/trust',
    summary: 'Runs tasks of a peer from now on.',
    right: 'administer',
    body: {
      kind: 'json',
      type: 'application/json',
      schema: z.strictObject({ peer: PeerId }),
      maxBytes: SMALL_BODY_BYTES,
    },
    replies: { 200: json('The list as it is now.', ({ TrustView }) => TrustView), 422: problem('Not a peer id.') },
    handle: ({ operations, body }) => ({ status: 200, json: operations.addTrust(body.peer) }),
  }),
  route({
    id: 'removeTrust',
    method: 'DELETE',
    path: '/v1/trust/{peer}',
    summary: 'Declines tasks of a peer from now on; what runs goes on.',
    right: 'administer',
    replies: {
      200: json('The list as it is now.', ({ TrustView }) => TrustView),
      404: problem('It is not in the list.'),
    },
    handle: ({ operations, params }) => ({ status: 200, json: operations.removeTrust(params['peer']!) }),
  }),
  route({
    id: 'applyPassports',
    method: 'POST',
    path: '/v1/passports',
    summary: 'Checks and publishes the passports of a YAML file.',
    right: 'operate',
    query: z.strictObject({ file: z.string().max(4096).default('passport.yaml').describe('Named in errors.') }),
    body: { kind: 'text', type: 'application/yaml', maxBytes: MAX_PASSPORT_FILE_BYTES },
    replies: {
      200: json('The names of what was published.', ({ PassportsAccepted }) => PassportsAccepted),
      422: problem('Not a passport; the detail has file, line and field of each mistake.'),
    },
    handle: async ({ operations, query, body }) => ({
      status: 200,
      json: { published: await operations.applyPassports(body, query.file) },
    }),
  }),
  route({
    id: 'followEvents',
    method: 'GET',
    path: '/v1/events',
    summary: 'What happens, as server-sent events. The header Last-Event-ID continues after that id.',
    right: 'read',
    headers: z.object({ 'Last-Event-ID': LastEventId }),
    replies: {
      200: { description: 'Events; the data of each is a MeshEvent.', type: 'text/event-stream' },
      503: problem('Too many follow already.'),
    },
    handle({ operations, events, request, response }) {
      events.open(response, lastEventId(request.headers['last-event-id']), operations)
      return undefined
    },
  }),
  route({
    id: 'shutdown',
    ofDaemon: true,
    method: 'POST',
    path: '/v1/shutdown',
    summary: 'Ends the daemon. Tasks run on and are adopted at the next start.',
    right: 'administer',
    replies: { 202: json('It is stopping.', () => z.strictObject({ stopping: z.literal(true) })) },
    handle({ operations, response }) {
      // Once the answer is out: stopping closes the connection it goes by.
      response.once('close', () => operations.shutdown())
      return { status: 202, json: { stopping: true } }
    },
  }),
]

function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined
  const parsed = LastEventId.safeParse(header)
  if (parsed.success) return Number(parsed.data)
  throw new ApiError(400, 'invalid', `Last-Event-ID: expected the id of an event, found ${JSON.stringify(header)}`)
}
