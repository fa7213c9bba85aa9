/** Routes for probes, monitoring, tools and the page. */
import * as z from 'zod'
import { may } from '../../model/access.ts'
import { healthOfAll, metricsOfAll } from '../all-clusters.ts'
import { METRICS_TYPE, renderMetrics } from '../metrics.ts'
import { serveAsset, servePage, serveRootFile } from '../page.ts'
import { ApiError } from '../problem.ts'
import { route, type Route } from '../route.ts'
import { json, problem } from './shared.ts'

const Ok = z.strictObject({ status: z.literal('ok') })
const Health = z.strictObject({
  status: z.enum(['ok', 'unwell']),
  /** Only for who may see what concerns the host. */
  checks: z.record(z.string(), z.string()).optional(),
})

export const systemRoutes: readonly Route[] = [
  route({
    id: 'livez',
    method: 'GET',
    path: '/livez',
    summary: 'Answers as long as the daemon does.',
    right: 'open',
    replies: { 200: json('Alive.', () => Ok) },
    handle: () => ({ status: 200, json: { status: 'ok' } }),
  }),
  route({
    id: 'readyz',
    method: 'GET',
    path: '/readyz',
    summary: 'Whether the daemon knows the mesh of its first cluster well enough to work.',
    right: 'open',
    replies: { 200: json('Ready.', () => Ok), 503: problem('`not-ready`: it is joining.') },
    handle({ operations }) {
      if (operations.ready()) return { status: 200, json: { status: 'ok' } }
      throw new ApiError(503, 'not-ready', 'the daemon is joining: it has not yet synchronised with a neighbour')
    },
  }),
  route({
    id: 'healthz',
    method: 'GET',
    path: '/healthz',
    summary:
      'Named checks, one of each cluster beside the first among them; their details only for who may see the host.',
    right: 'open',
    replies: { 200: json('All is well.', () => Health), 503: json('Something is not.', () => Health) },
    handle({ operations, principal }) {
      const health = Object.entries(healthOfAll(operations))
      const well = health.every(([, wrong]) => wrong === undefined)
      const checks = Object.fromEntries(health.map(([name, wrong]) => [name, wrong ?? 'ok']))
      return {
        status: well ? 200 : 503,
        json: {
          status: well ? 'ok' : 'unwell',
          ...(principal !== undefined && may(principal, 'read-host') && { checks }),
        },
      }
    },
  }),
  route({
    id: 'metrics',
    method: 'GET',
    path: '/metrics',
    summary: "Samples in Prometheus' text format; of a daemon in several clusters each names its cluster.",
    right: 'read-host',
    replies: { 200: { description: 'The samples.', type: 'text/plain' } },
    handle({ operations, accessMetrics, version, log }) {
      const { text, refused } = renderMetrics({ ...metricsOfAll(operations), ...accessMetrics() }, version)
      if (refused.length > 0) log.warn({ refused }, 'samples with a bad name or value were left out of /metrics')
      return { status: 200, type: METRICS_TYPE, data: text }
    },
  }),
  route({
    id: 'openapi',
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API, as an OpenAPI 3.1 document.',
    right: 'read',
    replies: { 200: { description: 'The document.', type: 'application/json' } },
    async handle({ routes, version }) {
      // Built when asked for: turning the schemas into a document takes more memory than serving by them.
      const { describeApi } = await import('../openapi.ts')
      return { status: 200, json: describeApi(routes, version) }
    },
  }),
  route({
    id: 'page',
    method: 'GET',
    path: '/',
    summary: 'The status page.',
    right: 'open',
    hidden: true,
    replies: {},
    handle: ({ webDir }) => servePage(webDir),
  }),
  route({
    id: 'asset',
    method: 'GET',
    path: '/assets/{file}',
    summary: 'A file of the page.',
    right: 'open',
    hidden: true,
    replies: {},
    handle: ({ webDir, params }) => serveAsset(webDir, params['file']!),
  }),
  // Last, since it matches every name that no route above has.
  route({
    id: 'pageFile',
    method: 'GET',
    path: '/{file}',
    summary: 'A file beside the page.',
    right: 'open',
    hidden: true,
    replies: {},
    handle: ({ webDir, params }) => serveRootFile(webDir, params['file']!),
  }),
]
