/** Routes about what this node lets run. */
import * as z from 'zod'
import { PolicyLevel } from '../../model/policy-api.ts'
import { route, type Route } from '../route.ts'
import { json, problem } from './shared.ts'

const TYPE = 'application/yaml'
/** `POLICY_LIMITS.fileBytes`, in characters that may take more than a byte. */
const MAX_POLICY_BYTES = 1024 * 1024

/**
 * `file` is named in errors, `by` in the history; `level`: that of the cluster is decided by its admins, and can only
 * be read and tried here. One for all routes: a schema takes some kilobytes.
 */
const Query = z.strictObject({
  file: z.string().default('policy.yaml'),
  by: z.string().default(''),
  level: PolicyLevel.default('node'),
})
const NO_CLUSTER = problem('There is no cluster with a genesis to have one.')
const faulty = problem('Not a policy; the detail has file, line and field of each mistake.')

export const policyRoutes: readonly Route[] = [
  route({
    id: 'getPolicy',
    method: 'GET',
    path: '/v1/policy',
    summary: 'The policy in force on this node, or that of its cluster.',
    right: 'read-host',
    query: Query,
    replies: { 200: json('The policy, if there is one.', ({ PolicyView }) => PolicyView), 404: NO_CLUSTER },
    handle: async ({ operations, query }) => ({ status: 200, json: await operations.policy(query.level) }),
  }),
  route({
    id: 'applyPolicy',
    method: 'POST',
    path: '/v1/policy',
    summary: 'Puts the policy of a YAML or JSON file in force; what it forbids is stopped or drained.',
    right: 'operate',
    query: Query,
    body: { kind: 'text', type: TYPE, maxBytes: MAX_POLICY_BYTES },
    replies: { 200: json('The policy as it is now.', ({ PolicyView }) => PolicyView), 422: faulty },
    handle: async ({ operations, query, body }) => ({
      status: 200,
      json: await operations.applyPolicy(body, query.file, query.by),
    }),
  }),
  route({
    id: 'removePolicy',
    method: 'DELETE',
    path: '/v1/policy',
    summary: 'Takes the policy of this node out of force.',
    right: 'operate',
    query: Query,
    replies: { 200: json('There is none now.', ({ PolicyView }) => PolicyView), 404: problem('There was none.') },
    handle: async ({ operations, query }) => ({ status: 200, json: await operations.removePolicy(query.by) }),
  }),
  route({
    id: 'tryPolicy',
    method: 'POST',
    path: '/v1/policy/test',
    summary: 'What another policy would say of the jobs that were offered to this node; nothing is changed.',
    right: 'operate',
    query: Query,
    body: { kind: 'text', type: TYPE, maxBytes: MAX_POLICY_BYTES },
    replies: { 200: json('The verdicts that would change.', ({ PolicyTrial }) => PolicyTrial), 422: faulty },
    handle: async ({ operations, query, body }) => ({
      status: 200,
      json: await operations.tryPolicy(body, query.file, query.level),
    }),
  }),
  route({
    id: 'listPolicyVersions',
    method: 'GET',
    path: '/v1/policy/history',
    summary: 'What was applied on this node, or decided in its cluster, when and by whom; newest first.',
    right: 'read-host',
    query: Query,
    replies: { 200: json('The versions.', ({ PolicyHistory }) => PolicyHistory), 404: NO_CLUSTER },
    handle: async ({ operations, query }) => ({ status: 200, json: await operations.policyHistory(query.level) }),
  }),
  route({
    id: 'explainPolicy',
    method: 'GET',
    path: '/v1/tasks/{id}/policy',
    summary: 'What the policy in force says of a task that is known here, rule by rule.',
    right: 'read',
    replies: {
      200: json('The verdict and every rule.', ({ PolicyExplanation }) => PolicyExplanation),
      404: problem('No such task is known here.'),
    },
    handle: ({ operations, params }) => ({ status: 200, json: operations.explainPolicy(params['id']!) }),
  }),
]
