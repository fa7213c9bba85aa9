import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { ACCESS_ROLES, LEAST_ROLE, may, type AccessRole, type Right } from '../../../src/model/access.ts'
import type { Route } from '../../../src/status/route.ts'
import { routes } from '../../../src/status/routes/table.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'

/** Who may do what, written out: a route that is added or changed has to be thought about here too. */
const RIGHTS: Readonly<Record<Right | 'open', readonly string[]>> = {
  open: ['livez', 'readyz', 'healthz', 'page', 'asset', 'pageFile'],
  read: [
    ...[
      'getStatus',
      'listNodes',
      'listQuarantined',
      'listWards',
      'listWardNodes',
      'getNode',
      'getTopology',
      'findCapability',
      'followEvents',
      'openapi',
    ],
    ...['listTasks', 'getTask', 'whyTask', 'whyJob', 'readLogs', 'readOutput', 'explainPolicy'],
    'listClusters',
    ...['listAudit', 'getAuditEvent', 'getAuditStory'],
  ],
  'read-host': [
    ...['listTrust', 'getPolicy', 'listPolicyVersions', 'exportAudit', 'getReachability', 'metrics'],
    ...['getCluster', 'listMembers', 'getGovernance', 'listProposals', 'getConfiguration', 'listConfigurations'],
  ],
  submit: ['addBundle', 'submitJob', 'quoteJob', 'cancelTask'],
  operate: [
    'operate',
    'applyPassports',
    'applyPolicy',
    'removePolicy',
    'tryPolicy',
    'verifyAudit',
    'acceptAudit',
    'examine',
  ],
  administer: [
    ...['addTrust', 'removeTrust', 'shutdown', 'createToken', 'listTokens', 'revokeToken'],
    ...[
      'foundCluster',
      'joinCluster',
      'leaveCluster',
      'forgetCluster',
      'createTicket',
      'revokeMember',
      'rotateKey',
      'addStatements',
      'addProposal',
    ],
  ],
}

/** Whoever may not is refused before anything of the request is looked at; these bodies fit nothing. */
function ask(status: StatusFixture, { method, path, body }: Route, token: string) {
  return status.askLoopback({
    method,
    path: path.replaceAll(/\{\w+\}/g, '0'),
    headers: { authorization: `Bearer ${token}`, 'content-type': body?.type ?? 'application/json' },
    ...(method === 'POST' && { body: '' }),
  })
}

describe('status: rights', () => {
  it('each route asks for the right that is written here', () => {
    const found = Object.fromEntries(Object.keys(RIGHTS).map((right) => [right, [] as string[]]))
    for (const { id, right } of routes) found[right]!.push(id)
    for (const [right, ids] of Object.entries(RIGHTS)) assert.deepEqual(found[right]!.toSorted(), ids.toSorted(), right)
  })

  it('each role may what those before it may, and a tenant nothing that concerns others', () => {
    const held = (role: AccessRole, tenant?: string) =>
      (Object.keys(LEAST_ROLE) as Right[]).filter((right) => may({ role, ...(tenant && { tenant }) }, right))
    assert.deepEqual(held('viewer'), ['read', 'read-host'])
    assert.deepEqual(held('submitter'), ['read', 'read-host', 'submit'])
    assert.deepEqual(held('operator'), ['read', 'read-host', 'submit', 'operate'])
    assert.deepEqual(held('admin'), ['read', 'read-host', 'submit', 'operate', 'administer'])
    assert.deepEqual(held('viewer', 'team-a'), ['read'])
    assert.deepEqual(held('submitter', 'team-a'), ['read', 'submit'])
  })

  for (const [name, role, tenant] of [
    ...ACCESS_ROLES.map((each) => [each, each, undefined] as const),
    ['viewer of a tenant', 'viewer', 'team-a'] as const,
    ['submitter of a tenant', 'submitter', 'team-a'] as const,
  ]) {
    it(`a ${name} is refused exactly the routes it has no right to`, async () => {
      const status = await startStatus()
      try {
        const { token } = status.operations.tokens.create({ name: 'it', role, tenant, ttlMs: 60_000 })
        for (const route of routes) {
          // Those would end the server, or never end.
          if (route.id === 'shutdown' && may({ role }, 'administer')) continue
          if (route.id === 'followEvents') continue
          const answer = await ask(status, route, token)
          const isRefused = answer.status === 403
          const isAllowed = route.right === 'open' || may({ role, ...(tenant && { tenant }) }, route.right)
          assert.equal(isRefused, !isAllowed, `${route.method} ${route.path}: ${answer.status} ${answer.text}`)
          if (isRefused) assert.equal(answer.json()['code'], 'not-allowed')
          assert.notEqual(answer.status, 401, route.path)
        }
        assert.equal(status.operations.stopped, false)
      } finally {
        await status.stop()
      }
    })
  }

  it('the documentation names every route under its right', () => {
    const text = readFileSync(new URL('../../../docs/ACCESS.md', import.meta.url), 'utf8')
    const documented = [...text.matchAll(/^\| `([a-z-]+)` \| [^|]+\| ([^|]+)\|/gm)].flatMap(([, right, list]) =>
      [...list!.matchAll(/`(GET|POST|DELETE) ([^`]+)`/g)].map(([, method, path]) => `${right} ${method} ${path}`),
    )
    const actual = routes.flatMap(({ hidden, right, method, path }) => (hidden ? [] : [`${right} ${method} ${path}`]))
    assert.deepEqual(documented.toSorted(), actual.toSorted())
  })
})
