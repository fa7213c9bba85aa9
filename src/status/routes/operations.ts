/** Routes about what can be asked of a node beside tasks. */
import { OperationRequest } from '../../model/operation.ts'
import { route, type Route } from '../route.ts'
import { json, problem } from './shared.ts'

const SMALL_BODY_BYTES = 4 * 1024

export const operationRoutes: readonly Route[] = [
  route({
    id: 'operate',
    method: 'POST',
    path: '/v1/operations',
    summary: 'Cordons, drains or uncordons this node or another, or tells what a drain would have to wait for.',
    right: 'operate',
    body: { kind: 'json', type: 'application/json', schema: OperationRequest, maxBytes: SMALL_BODY_BYTES },
    replies: {
      200: json('How the node stands then.', ({ OperationView }) => OperationView),
      403: problem('The other node refuses it; the detail has the rule and the values that it saw.'),
      404: problem('No such node.'),
      409: problem('The other node does not answer.'),
      507: problem('It holds, and could not be stored yet.'),
    },
    handle: async ({ operations, body }) => ({ status: 200, json: await operations.operate(body) }),
  }),
]
