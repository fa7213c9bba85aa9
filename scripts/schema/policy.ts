/** The JSON Schema of a policy file, for editors; `config/policy.schema.json` is what it was last. */
import * as z from 'zod'
import { RULE_KINDS } from '../../src/model/policy-words.ts'
import { Policy } from '../../src/model/policy.ts'

/** What the schema in zod says, and that a rule is of one kind, which zod's conversion leaves out. */
export function policySchema(): string {
  const schema = z.toJSONSchema(Policy, {
    io: 'input',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema === Policy.shape.spec.shape.rules.element) {
        jsonSchema.oneOf = RULE_KINDS.map((kind) => ({ required: [kind] }))
      }
    },
  })
  return `${JSON.stringify({ title: 'Althing policy', ...schema }, undefined, 2)}\n`
}
