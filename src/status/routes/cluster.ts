/** Routes about the cluster: founding and joining it, its members, and what its admins decided. */
import * as z from 'zod'
import {
  FoundRequest,
  JoinRequest,
  ProposalRequest,
  RevokeRequest,
  StatementsRequest,
  TicketRequest,
} from '../../model/cluster-requests.ts'
import { route, type Route } from '../route.ts'
import { json, problem } from './shared.ts'

const SMALL_BODY_BYTES = 16 * 1024
/** Some proposals, each of which may have 64 KiB, a third more as text. */
const STATEMENTS_BODY_BYTES = 1024 * 1024

const body = <Schema extends z.ZodType>(schema: Schema, maxBytes = SMALL_BODY_BYTES) =>
  ({ kind: 'json', type: 'application/json', schema, maxBytes }) as const
const NO_CLUSTER = problem('This daemon belongs to no cluster with a genesis.')
const REFUSED = problem('It cannot be, for the reason given.')

export const clusterRoutes: readonly Route[] = [
  route({
    id: 'getCluster',
    method: 'GET',
    path: '/v1/cluster',
    summary: 'The cluster this daemon belongs to: who decides, what holds, whether it was confirmed lately.',
    right: 'read-host',
    replies: { 200: json('The cluster.', ({ ClusterView }) => ClusterView), 404: NO_CLUSTER },
    handle: ({ operations }) => ({ status: 200, json: operations.cluster.view() }),
  }),
  route({
    id: 'foundCluster',
    method: 'POST',
    path: '/v1/cluster',
    summary: 'Founds a cluster with this node as its first member: the daemon starts anew in it, or is in one more.',
    right: 'administer',
    body: body(FoundRequest),
    replies: {
      200: json('Where this daemon belongs from now on.', ({ MovedView }) => MovedView),
      409: REFUSED,
      422: REFUSED,
    },
    handle: async ({ operations, body: request }) => ({ status: 200, json: await operations.cluster.found(request) }),
  }),
  route({
    id: 'joinCluster',
    method: 'POST',
    path: '/v1/cluster/join',
    summary: 'Redeems a ticket: the daemon starts anew in the cluster it joined, or is in one more.',
    right: 'administer',
    body: body(JoinRequest),
    replies: {
      200: json('Where this daemon belongs from now on.', ({ MovedView }) => MovedView),
      409: REFUSED,
      422: REFUSED,
    },
    handle: async ({ operations, body: request }) => ({ status: 200, json: await operations.cluster.join(request) }),
  }),
  route({
    id: 'listClusters',
    ofDaemon: true,
    method: 'GET',
    path: '/v1/clusters',
    summary: 'All clusters that this daemon is in; what is asked of one begins with /clusters/NAME.',
    right: 'read',
    replies: { 200: json('The first, then the others by name.', ({ ClusterPlaceView }) => z.array(ClusterPlaceView)) },
    handle: ({ operations }) => ({ status: 200, json: operations.clusters() }),
  }),
  route({
    id: 'forgetCluster',
    ofDaemon: true,
    method: 'DELETE',
    path: '/v1/clusters/{name}',
    summary: 'Gives up a cluster that this daemon cannot take part in; its store is put away.',
    right: 'administer',
    replies: {
      200: json('Those that are left.', ({ ClusterPlaceView }) => z.array(ClusterPlaceView)),
      404: problem('There is none of that name beside the first.'),
      409: problem('The daemon takes part in it: leave it.'),
    },
    handle: async ({ operations, params }) => ({ status: 200, json: await operations.forgetCluster(params['name']!) }),
  }),
  route({
    id: 'leaveCluster',
    method: 'POST',
    path: '/v1/cluster/leave',
    summary: 'Leaves the cluster for ever. The daemon starts anew with another key.',
    right: 'administer',
    replies: { 200: json('What was left.', ({ MovedView }) => MovedView), 404: NO_CLUSTER, 409: REFUSED },
    handle: ({ operations }) => ({ status: 200, json: operations.cluster.leave() }),
  }),
  route({
    id: 'createTicket',
    method: 'POST',
    path: '/v1/tickets',
    summary: 'Makes a ticket by which one node can join.',
    right: 'administer',
    body: body(TicketRequest),
    replies: { 200: json('The ticket.', ({ TicketView }) => TicketView), 404: NO_CLUSTER, 409: REFUSED, 429: REFUSED },
    handle: async ({ operations, body: request }) => ({ status: 200, json: await operations.cluster.invite(request) }),
  }),
  route({
    id: 'listMembers',
    method: 'GET',
    path: '/v1/members',
    summary: 'Who belongs to the cluster, and who does not any more.',
    right: 'read-host',
    replies: { 200: json('The members.', ({ MemberView }) => z.array(MemberView)), 404: NO_CLUSTER },
    handle: ({ operations }) => ({ status: 200, json: operations.cluster.members() }),
  }),
  route({
    id: 'revokeMember',
    method: 'POST',
    path: '/v1/members/{id}/revoke',
    summary: 'Expels a member for ever, by its peer id.',
    right: 'administer',
    body: body(RevokeRequest),
    replies: {
      200: json('The members as they are then.', ({ MemberView }) => z.array(MemberView)),
      404: REFUSED,
      409: REFUSED,
    },
    handle: ({ operations, params, body: { reason } }) => ({
      status: 200,
      json: operations.cluster.revoke(params['id']!, reason),
    }),
  }),
  route({
    id: 'rotateKey',
    method: 'POST',
    path: '/v1/cluster/rotate',
    summary: 'Gives this node another key in place of its present one. The daemon starts anew.',
    right: 'administer',
    replies: {
      200: json('Who this node is from now on.', ({ MovedView }) => MovedView),
      404: NO_CLUSTER,
      409: REFUSED,
    },
    handle: ({ operations }) => ({ status: 200, json: operations.cluster.rotate() }),
  }),
  route({
    id: 'getGovernance',
    method: 'GET',
    path: '/v1/governance',
    summary: 'Everything that was signed in the cluster, to be verified elsewhere.',
    right: 'read-host',
    replies: { 200: json('Genesis and statements.', ({ HistoryView }) => HistoryView), 404: NO_CLUSTER },
    handle: ({ operations }) => ({ status: 200, json: operations.cluster.history() }),
  }),
  route({
    id: 'addStatements',
    method: 'POST',
    path: '/v1/governance',
    summary: 'Takes statements that were signed elsewhere, such as a proposal with enough signatures.',
    right: 'administer',
    body: body(StatementsRequest, STATEMENTS_BODY_BYTES),
    replies: { 200: json('What became of each.', ({ OutcomesView }) => OutcomesView), 404: NO_CLUSTER, 422: REFUSED },
    handle: ({ operations, body: { statements } }) => ({ status: 200, json: operations.cluster.take(statements) }),
  }),
  route({
    id: 'listProposals',
    method: 'GET',
    path: '/v1/proposals',
    summary: 'Proposals that wait for the signatures of other admins, the oldest first.',
    right: 'read-host',
    replies: { 200: json('The proposals.', ({ ProposalView }) => z.array(ProposalView)), 404: NO_CLUSTER },
    handle: ({ operations }) => ({ status: 200, json: operations.cluster.proposals() }),
  }),
  route({
    id: 'addProposal',
    method: 'POST',
    path: '/v1/proposals',
    summary: 'Passes a proposal, with the signatures it has, on to all members; with enough of them it is decided.',
    right: 'administer',
    body: body(ProposalRequest, STATEMENTS_BODY_BYTES),
    replies: { 200: json('What became of it.', ({ ProposedView }) => ProposedView), 404: NO_CLUSTER, 422: REFUSED },
    handle: ({ operations, body: { entry, refusals } }) => ({
      status: 200,
      json: operations.cluster.propose(entry, refusals),
    }),
  }),
]
