/** Routes about the configuration of the cluster, and what of it holds on this node. */
import { route, type Route } from '../route.ts'
import { json, problem } from './shared.ts'

export const configurationRoutes: readonly Route[] = [
  route({
    id: 'getConfiguration',
    method: 'GET',
    path: '/v1/configuration',
    summary: 'The settings this node goes by, who said so, and how far a trial has come.',
    right: 'read-host',
    replies: { 200: json('The settings.', ({ ConfigurationView }) => ConfigurationView) },
    handle: ({ operations }) => ({ status: 200, json: operations.cluster.configuration() }),
  }),
  route({
    id: 'listConfigurations',
    method: 'GET',
    path: '/v1/configuration/history',
    summary: 'What the admins of the cluster decided about settings; newest first.',
    right: 'read-host',
    replies: {
      200: json('The versions.', ({ ConfigurationHistory }) => ConfigurationHistory),
      404: problem('This daemon belongs to no cluster with a genesis.'),
    },
    handle: ({ operations }) => ({ status: 200, json: operations.cluster.configurationHistory() }),
  }),
]
