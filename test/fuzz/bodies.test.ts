/**
 * What bytes say once they are in order: the bodies of messages and records against their schemas, and the
 * JSON bodies of the local API. Values are mutated, since a mutated byte seldom gets past the codec.
 */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type * as z from 'zod'
import { PLAIN, SIGNED } from '../../src/model/control.ts'
import { Heartbeat } from '../../src/model/heartbeat.ts'
import { Testimony } from '../../src/model/membership.ts'
import { Passport } from '../../src/model/passport.ts'
import { WardDigest } from '../../src/model/ward.ts'
import { parseBody, readBody } from '../../src/status/body.ts'
import { ApiError } from '../../src/status/problem.ts'
import type { BodyRule } from '../../src/status/route.ts'
import { routes } from '../../src/status/routes/table.ts'
import { AlthingError } from '../../src/util/errors.ts'
import { decode, encode } from '../../src/wire/codec.ts'
import { AUTHOR, MESSAGE_BODIES, RECORD_BODIES, SPEC } from './inputs.ts'
import { fuzz, MUTATIONS, SEED } from './fuzz.ts'
import { mutateValue } from './mutate-values.ts'
import { mutate } from './mutate.ts'

/** Checking again what was accepted takes longer than everything else, so that only some is. */
const CHECKED_ONE_IN = 8
const REQUESTED_ONE_IN = 10

/** A refusal of a schema, so that it counts as one of ours. */
class Refusal extends AlthingError {}

/** What a schema makes of a value. @throws Refusal with the first thing wrong */
function parse(schema: z.ZodType, value: unknown): unknown {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new Refusal(parsed.error.issues[0]!.code, 'does not fit')
}

/** The bytes a value travels as; undefined when it is larger than anything that may. */
function bytesOf(value: unknown): string | undefined {
  try {
    return Buffer.from(encode(value)).toString('hex')
  } catch (error) {
    if (error instanceof AlthingError && error.code === 'too-large') return undefined
    throw error
  }
}

describe('fuzz/bodies', function () {
  // Some seconds each on an idle core; a busy machine may take many times that.
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  const schemas: Readonly<Record<string, z.ZodType>> = {
    ...SIGNED,
    ...PLAIN,
    heartbeat: Heartbeat,
    passport: Passport,
    testimony: Testimony,
    digest: WardDigest,
  }
  const inputs: Readonly<Record<string, readonly unknown[]>> = { ...MESSAGE_BODIES, ...RECORD_BODIES }

  for (const [type, schema] of Object.entries(schemas)) {
    it(`${type}: what is accepted can travel, and is accepted again as it is`, async () => {
      let seen = 0
      const { accepted, refused } = await fuzz({
        name: type,
        next: (rng) => mutateValue(inputs[type]!, rng),
        decode: (value) => parse(schema, value),
        accepted: (body) => {
          if (seen++ % CHECKED_ONE_IN > 0) return
          const bytes = bytesOf(body)
          if (bytes === undefined) return
          assert.equal(bytesOf(parse(schema, decode(Buffer.from(bytes, 'hex'), bytes.length))), bytes)
        },
      })
      const story = `${accepted} accepted, ${JSON.stringify(refused)}`
      assert.ok(accepted > 500 && accepted < 0.95 * MUTATIONS, story)
      assert.ok((refused['invalid_type'] ?? refused['custom'] ?? 0) > 500, story)
    })
  }

  const bodies: Readonly<Record<string, readonly unknown[]>> = {
    submitJob: [{ spec: SPEC, count: 3, placeTimeoutMs: 60_000 }, { spec: { command: ['true'] } }],
    quoteJob: [
      { spec: SPEC, count: 3 },
      { spec: { command: ['true'] }, clusters: ['house', 'works'] },
    ],
    addTrust: [{ peer: AUTHOR }],
    foundCluster: [
      {
        name: 'home',
        admins: [AUTHOR],
        threshold: 1,
        recovery: [AUTHOR],
        recoveryThreshold: 1,
        owner: 'ann',
        open: true,
      },
    ],
    joinCluster: [{ ticket: 'althing-ticket-AAAA' }, { ticket: 'althing-ticket-AAAA', beside: true, as: 'works' }],
    createTicket: [{}, { for: AUTHOR, owner: 'ann', roles: ['worker'], ttlMs: 60_000, membershipMs: 3_600_000 }],
    revokeMember: [{}, { reason: 'lost' }],
    addStatements: [{ statements: ['AAAA', 'BBBB'] }],
    addProposal: [{ entry: 'AAAA', refusals: ['BBBB'] }],
    createToken: [
      { name: 'ci', role: 'submitter' },
      { name: 'team-a.ci', role: 'viewer', tenant: 'team-a', ttlMs: 86_400_000 },
    ],
    operate: [
      { operation: { name: 'cordon', reason: 'kernel update' }, by: 'ann' },
      { operation: { name: 'uncordon' }, node: 'attic', by: 'ann' },
      { operation: { name: 'drain', deadlineMs: 600_000 }, node: AUTHOR, by: 'ann', dryRun: true },
    ],
    examine: [{}, { target: '/ip4/10.0.0.5/tcp/4100' }],
  }
  for (const { id, method, path, body: rule } of routes) {
    if (rule?.kind !== 'json') continue
    it(`${method} ${path}: a body is taken, or refused with a status and the fields`, async () => {
      const values = bodies[id]
      assert.ok(values !== undefined, `no valid body of ${id} is known to this test: add one`)
      const texts = values.map((value) => Buffer.from(JSON.stringify(value)))
      const statuses = new Set<number>()
      let seen = 0
      const { accepted } = await fuzz({
        name: id,
        next: (rng) =>
          rng.int(2) === 0 ? mutate(texts, rng) : Buffer.from(JSON.stringify(mutateValue(values, rng, true))),
        // A request around it takes as long as all the rest, so that only some have one.
        decode: (bytes) =>
          seen++ % REQUESTED_ONE_IN > 0 ? parseBody(Buffer.from(bytes).toString('utf8'), rule) : readJson(bytes, rule),
        accepted: (body) => assert.ok(bytesOf(body) !== undefined, 'accepted, but too large to travel'),
        codeOf: (error) => {
          if (!(error instanceof ApiError)) return undefined
          statuses.add(error.status)
          assert.ok(error.message.length > 0 && !/\n\s+at /.test(error.message), error.message)
          return error.code
        },
      })
      assert.ok(accepted > 500 && accepted < 0.95 * MUTATIONS, `${accepted} accepted`)
      // Not JSON, and not fitting; where bodies are small, one comes by that is too large.
      statuses.delete(413)
      assert.deepEqual(statuses, new Set([400, 422]))
    })
  }
})

/** The body as a request brings it, in two pieces. */
function readJson(bytes: Uint8Array, rule: BodyRule): Promise<unknown> {
  const half = bytes.length >> 1
  const request = Readable.from([bytes.subarray(0, half), bytes.subarray(half)].map((piece) => Buffer.from(piece)))
  return readBody(Object.assign(request, { headers: {} }) as unknown as IncomingMessage, rule)
}
