import assert from 'node:assert/strict'
import { startStatus } from '../../support/status-fixture.ts'

/** Every endpoint the API promises. */
const ENDPOINTS = [
  'GET /v1/status',
  'GET /v1/nodes',
  'GET /v1/quarantined',
  'GET /v1/topology',
  'GET /v1/nodes/{id}',
  'GET /v1/capabilities/{name}',
  'POST /v1/bundles',
  'POST /v1/jobs',
  'GET /v1/tasks',
  'GET /v1/tasks/{id}',
  'GET /v1/tasks/{id}/why',
  'GET /v1/jobs/{id}/why',
  'POST /v1/tasks/{id}/cancel',
  'GET /v1/tasks/{id}/logs',
  'GET /v1/tasks/{id}/output',
  'GET /v1/cluster',
  'GET /v1/clusters',
  'POST /v1/cluster',
  'POST /v1/cluster/join',
  'POST /v1/cluster/leave',
  'POST /v1/cluster/rotate',
  'POST /v1/tickets',
  'GET /v1/members',
  'POST /v1/members/{id}/revoke',
  'GET /v1/governance',
  'POST /v1/governance',
  'GET /v1/proposals',
  'POST /v1/proposals',
  'POST /v1/quotes',
  'POST /v1/operations',
  'GET /v1/trust',
  'GET /v1/wards',
  'GET /v1/wards/nodes',
  'POST /v1/trust',
  'DELETE /v1/trust/{peer}',
  'GET /v1/configuration',
  'GET /v1/configuration/history',
  'GET /v1/policy',
  'POST /v1/policy',
  'DELETE /v1/policy',
  'POST /v1/policy/test',
  'GET /v1/policy/history',
  'GET /v1/tasks/{id}/policy',
  'POST /v1/passports',
  'GET /v1/events',
  'GET /v1/audit/events',
  'GET /v1/audit/events/{position}',
  'GET /v1/audit/tasks/{id}',
  'POST /v1/audit/verifications',
  'GET /v1/audit/export',
  'DELETE /v1/audit/alarms/{peer}',
  'DELETE /v1/clusters/{name}',
  'POST /v1/examinations',
  'GET /v1/reachability',
  'POST /v1/tokens',
  'GET /v1/tokens',
  'DELETE /v1/tokens/{id}',
  'POST /v1/shutdown',
  'GET /livez',
  'GET /readyz',
  'GET /healthz',
  'GET /metrics',
  'GET /openapi.json',
]

interface Operation {
  operationId: string
  summary: string
  security: unknown[]
  parameters: { name: string; in: string; required: boolean; schema: unknown }[]
  requestBody?: { content: Record<string, unknown> }
  responses: Record<string, { description: string; content?: Record<string, { schema?: unknown }> }>
}

interface Document {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Record<string, unknown>>; securitySchemes: Record<string, unknown> }
}

/** Every `$ref` below a value. */
function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) => (key === '$ref' ? [child as string] : refsIn(child)))
}

describe('status: OpenAPI', () => {
  let document: Document
  before(async () => {
    const status = await startStatus()
    document = (await status.ask({ path: '/openapi.json' })).json<Document & Record<string, unknown>>()
    await status.stop()
  })
  const operations = (): [string, Operation][] =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, Operation] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    )

  it('is a 3.1 document of exactly the promised endpoints', () => {
    assert.equal(document.openapi, '3.1.0')
    assert.ok(document.info.title && document.info.version)
    assert.deepEqual(
      operations()
        .map(([name]) => name)
        .toSorted(),
      ENDPOINTS.toSorted(),
    )
  })

  it('describes each of them as the specification asks', () => {
    const ids = operations().map(([, { operationId }]) => operationId)
    assert.equal(new Set(ids).size, ids.length)
    for (const [name, operation] of operations()) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter)
      assert.deepEqual(
        operation.parameters.filter((each) => each.in === 'path').map((each) => each.name),
        inPath,
        name,
      )
      for (const parameter of operation.parameters) assert.equal(typeof parameter.schema, 'object', name)
      assert.ok(operation.summary, name)
      for (const [code, response] of Object.entries(operation.responses)) {
        assert.match(code, /^(\d{3}|default)$/)
        assert.ok(response.description, `${name} ${code}`)
      }
      assert.ok(
        Object.keys(operation.responses).some((code) => code.startsWith('2')),
        name,
      )
      assert.ok(operation.responses['default']?.content?.['application/problem+json'], name)
    }
  })

  it('declares the header that continues the events', () => {
    const { parameters } = document.paths['/v1/events']!['get']!
    assert.deepEqual(
      parameters.map(({ name, in: place, required }) => [name, place, required]),
      [['Last-Event-ID', 'header', false]],
    )
    assert.match(JSON.stringify(parameters[0]!.schema), /"type":"string".*"pattern"/)
  })

  it('says which need the token', () => {
    const open = operations().filter(([, { security }]) => security.length === 0)
    assert.deepEqual(
      open.map(([name]) => name),
      ['GET /livez', 'GET /readyz', 'GET /healthz'],
    )
  })

  it('refers only to schemas it has, and repeats none of them', () => {
    const refs = refsIn(document)
    for (const ref of refs) {
      const name = ref.replace('#/components/schemas/', '')
      assert.ok(Object.hasOwn(document.components.schemas, name), ref)
    }
    const nodes = document.paths['/v1/nodes']!['get']!.responses['200']!.content!['application/json']!.schema
    assert.deepEqual(nodes, { type: 'array', items: { $ref: '#/components/schemas/NodeView' } })
    const job = document.components.schemas['JobRequest']!
    assert.deepEqual(job['required'], ['spec'], 'fields with a default may be left out')
    assert.equal(document.components.schemas['StoryLine']!['$schema'], undefined)
  })
})
