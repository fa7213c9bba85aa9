/**
 * The OpenAPI 3.1 document, made from the route table. Its dialect is JSON Schema 2020-12, which is
 * what zod writes, so the schemas that check requests are the ones that are published.
 */
import * as z from 'zod'
import { ACCESS_ROLES, may, type Right } from '../model/access.ts'
import * as views from '../model/views.ts'
import { PROBLEM_TYPE } from './problem.ts'
import type { Route } from './route.ts'

type Json = Record<string, unknown>

/** The whole document. */
export function describeApi(routes: readonly Route[], version: string): Json {
  const shown = routes.filter(({ hidden }) => hidden !== true)
  const paths: Record<string, Json> = {}
  const named = nameSchemas()
  for (const route of shown) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: describeRoute(route, named) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Althing local API',
      version,
      description:
        'Spoken on the Unix socket of the daemon, and by HTTP with a token or a JWT. Times are Unix milliseconds, ' +
        'CPU thousandths of a core, memory bytes. Every error is an RFC 9457 problem with a stable `code`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Relative: the port is the daemon's to choose.
    servers: [
      { url: '/', description: 'The first cluster of the daemon.' },
      {
        url: '/clusters/{cluster}',
        description: 'Another one, by its name in GET /v1/clusters: for all paths that begin with /v1/.',
        variables: { cluster: { default: 'default' } },
      },
    ],
    paths,
    components: {
      schemas: Object.fromEntries([...named].map(([schema, name]) => [name, schemaOf(schema, named, true)])),
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  }
}

/** The schemas of the API's bodies, each under the name it is exported by. */
function nameSchemas(): Map<z.ZodType, string> {
  const named = new Map<z.ZodType, string>()
  for (const [name, value] of Object.entries(views)) if (value instanceof z.ZodType) named.set(value, name)
  return named
}

function describeRoute(route: Route, named: ReadonlyMap<z.ZodType, string>): Json {
  const replies = Object.entries(route.replies).map(([status, { description, type, schema }]) => {
    if (type === undefined && schema === undefined) return [status, { description }]
    const content = {
      [type ?? 'application/json']: schema === undefined ? {} : { schema: schemaOf(schema(views), named) },
    }
    return [status, { description, content }]
  })
  return {
    operationId: route.id,
    summary: route.summary,
    ...(route.right !== 'open' && {
      description: `Needs the right \`${route.right}\`: role ${rolesWith(route.right)}.`,
    }),
    security: route.right === 'open' ? [] : [{ token: [] }],
    parameters: [
      ...describePath(route.path),
      ...describeFields('query', route.query, named),
      ...describeFields('header', route.headers, named),
    ],
    ...(route.body !== undefined && { requestBody: describeBody(route.body, named) }),
    responses: {
      ...Object.fromEntries(replies),
      default: { description: 'Any error.', content: { [PROBLEM_TYPE]: { schema: schemaOf(views.Problem, named) } } },
    },
  }
}

/** Who holds a right, from the least to the most. */
function rolesWith(right: Right): string {
  const roles = ACCESS_ROLES.filter((role) => may({ role }, right))
  const [last, ...others] = roles.toReversed()
  return others.length === 0 ? last! : `${others.toReversed().join(', ')} or ${last}`
}

function describePath(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function describeFields(
  place: 'query' | 'header',
  fields: z.ZodObject | undefined,
  named: ReadonlyMap<z.ZodType, string>,
): Json[] {
  return Object.entries(fields?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: place,
    required: false,
    schema: schemaOf(schema as z.ZodType, named),
  }))
}

function describeBody(body: NonNullable<Route['body']>, named: ReadonlyMap<z.ZodType, string>): Json {
  const content = body.kind === 'json' ? { schema: schemaOf(body.schema, named) } : {}
  return { required: true, content: { [body.type]: content } }
}

/** A schema as JSON Schema; named ones as references, unless it is the named one itself that is wanted. */
function schemaOf(schema: z.ZodType, named: ReadonlyMap<z.ZodType, string>, expand = false): unknown {
  const name = named.get(schema)
  if (name !== undefined && !expand) return { $ref: `#/components/schemas/${name}` }
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    // What a client sends: fields with a default may be left out.
    io: 'input',
    override({ zodSchema, jsonSchema }) {
      const part = zodSchema as unknown as z.ZodType
      const inner = named.get(part)
      if (inner === undefined || part === schema) return
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key]
      jsonSchema.$ref = `#/components/schemas/${inner}`
    },
  })
  return rest
}
