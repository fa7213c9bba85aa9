/** Routes about what can be asked of a node beside tasks. */
import { OperationRequest } from '../../model/operation.ts'
import { route, type Route } from '../route.ts'
import { json } from './shared.ts'

const SMALL_BODY_BYTES = 4 * 1024

export const operationRoutes: readonly Route[] = [
  route({
    id: 'operate',
    method: 'POST',
    path: '/v1/operations',
    summary: 'Cordons, drains or uncordons this node, or tells what a drain would have to wait for.',
    right: 'operate',
    body: { kind: 'json', type: 'application/json', schema: OperationRequest, maxBytes: SMALL_BODY_BYTES },
    replies: { 200: json('How the node stands then.', ({ OperationView }) => OperationView) },
    handle: ({ operations, body }) => ({ status: 200, json: operations.operate(body) }),
  }),
]
