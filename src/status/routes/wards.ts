/** Routes about wards, the parts that a large mesh is cut into. */
import * as z from 'zod'
import { route, type Route } from '../route.ts'
import { given, json, problem, Selector } from './shared.ts'

/** A ward's name is at most this long. */
const MOST_NAME = 84

export const wardRoutes: readonly Route[] = [
  route({
    id: 'listWards',
    method: 'GET',
    path: '/v1/wards',
    summary: 'Which part of a large mesh this daemon is in, and what the others say of theirs.',
    right: 'read',
    replies: { 200: json('The wards; none as long as the mesh is one.', ({ WardsView }) => WardsView) },
    handle: ({ operations }) => ({ status: 200, json: operations.wards() }),
  }),
  route({
    id: 'listWardNodes',
    method: 'GET',
    path: '/v1/wards/nodes',
    summary: 'The machines of one ward; those of another one are asked for.',
    right: 'read',
    query: z.strictObject({ ward: z.string().min(1).max(MOST_NAME), selector: Selector }),
    replies: {
      200: json('The nodes, and whether that is all of them.', ({ WardNodesView }) => WardNodesView),
      404: problem('No such ward.'),
      422: problem('The selector does not parse.'),
    },
    handle: async ({ operations, query }) => ({
      status: 200,
      json: await operations.wardNodes(query.ward, given('selector', query.selector)),
    }),
  }),
]
