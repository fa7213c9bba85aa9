/** Routes that look for what is wrong: examinations, and who reaches whom. */
import * as z from 'zod'
import { NDJSON_TYPE, streamNdjson } from '../ndjson.ts'
import { route, type Route } from '../route.ts'
import { json, problem } from './shared.ts'

/** A multiaddr with a host name of 253 characters and a peer id. */
const MAX_TARGET = 400
const MAX_BODY_BYTES = 4 * 1024

export const doctorRoutes: readonly Route[] = [
  route({
    id: 'examine',
    method: 'POST',
    path: '/v1/examinations',
    summary: 'Examines this host, or the way to another, step by step, as lines of JSON (DoctorStep).',
    right: 'operate',
    body: {
      kind: 'json',
      type: 'application/json',
      schema: z.strictObject({
        target: z
          .string()
          .min(1)
          .max(MAX_TARGET)
          .optional()
          .describe("A node's name or peer id, a multiaddr, or HOST:PORT. Without it this host is examined."),
      }),
      maxBytes: MAX_BODY_BYTES,
    },
    replies: {
      200: { description: 'One DoctorStep a line, as they are found; within 15 s.', type: NDJSON_TYPE },
      422: problem('The target is empty or too long.'),
    },
    async handle({ operations, body, response, signal }) {
      await streamNdjson(response, operations.examine(body.target, signal), signal)
      return undefined
    },
  }),
  route({
    id: 'getReachability',
    method: 'GET',
    path: '/v1/reachability',
    summary: 'Who sees whom, by which way and with what round trip, as each neighbour tells it.',
    right: 'read-host',
    replies: { 200: json('A row for each member, 64 at most.', ({ ReachabilityView }) => ReachabilityView) },
    handle: async ({ operations, signal }) => ({ status: 200, json: await operations.reachability(signal) }),
  }),
]
