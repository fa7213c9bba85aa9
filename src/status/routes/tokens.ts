/** Routes about tokens: who else may use this API. */
import * as z from 'zod'
import { TokenRequest } from '../../model/access-api.ts'
import { route, type Route } from '../route.ts'
import { json, problem } from './shared.ts'

const MAX_BODY_BYTES = 4 * 1024

export const tokenRoutes: readonly Route[] = [
  route({
    id: 'createToken',
    ofDaemon: true,
    method: 'POST',
    path: '/v1/tokens',
    summary: 'Makes a token; its text is told this once.',
    right: 'administer',
    body: { kind: 'json', type: 'application/json', schema: TokenRequest, maxBytes: MAX_BODY_BYTES },
    replies: {
      201: json('The token.', ({ TokenCreated }) => TokenCreated),
      409: problem('A live token has the name.'),
      422: problem('The role is not for tenants, or the body does not fit.'),
    },
    handle: ({ operations, body }) => ({ status: 201, json: operations.tokens.create(body) }),
  }),
  route({
    id: 'listTokens',
    ofDaemon: true,
    method: 'GET',
    path: '/v1/tokens',
    summary: 'The tokens there are, and those that ended in the last 30 days; not their texts.',
    right: 'administer',
    replies: { 200: json('The tokens, the newest first.', ({ TokenView }) => z.array(TokenView)) },
    handle: ({ operations }) => ({ status: 200, json: operations.tokens.list() }),
  }),
  route({
    id: 'revokeToken',
    ofDaemon: true,
    method: 'DELETE',
    path: '/v1/tokens/{id}',
    summary: 'Revokes a token, by id or name; what it has open is cut.',
    right: 'administer',
    endsTokens: true,
    replies: {
      200: json('The token as it is now.', ({ TokenView }) => TokenView),
      404: problem('There is no such live token.'),
    },
    handle: ({ operations, params }) => ({ status: 200, json: operations.tokens.revoke(params['id']!) }),
  }),
]
