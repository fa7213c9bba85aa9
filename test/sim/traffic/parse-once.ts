/**
 * What a record says is read by each member that gets it, and kept by each. In a mesh that is simulated in full that is
 * a million times the same; here it is read once for all of them, who leave it as it is.
 */
import { Heartbeat } from '../../../src/model/heartbeat.ts'
import { Passport } from '../../../src/model/passport.ts'

interface Schema {
  safeParse: (body: unknown) => unknown
}

/** From now on, in this process. */
export function parseOnce(): void {
  for (const schema of [Passport, Heartbeat] as readonly Schema[]) {
    const parse = schema.safeParse.bind(schema)
    const known = new WeakMap<object, unknown>()
    schema.safeParse = (body) => {
      if (typeof body !== 'object' || body === null) return parse(body)
      const parsed = known.get(body) ?? parse(body)
      known.set(body, parsed)
      return parsed
    }
  }
}
