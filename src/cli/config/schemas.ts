/** The JSON Schemas of the files that people write, for editors: `config/` has what they were last. */
import * as z from 'zod'
import { Passport } from '../../model/passport.ts'
import { Policy } from '../../model/policy.ts'
import { RULE_KINDS } from '../../model/policy-words.ts'
import { SETTING_KEYS, SETTINGS } from '../../model/settings.ts'
import { ConfigFile, OwnSettings } from '../up/config-file.ts'

/** Files that have a schema. */
export const SCHEMA_NAMES = ['config', 'policy', 'passport'] as const
/** One of `SCHEMA_NAMES`. */
export type SchemaName = (typeof SCHEMA_NAMES)[number]

const SCHEMAS: Readonly<Record<SchemaName, { readonly title: string; readonly schema: z.ZodType }>> = {
  config: { title: 'Althing configuration of a daemon', schema: ConfigFile },
  policy: { title: 'Althing policy', schema: Policy },
  passport: { title: 'Althing node passport', schema: Passport },
}

function schemaOfSetting(key: (typeof SETTING_KEYS)[number]) {
  const { about, initial } = SETTINGS[key]
  return { type: ['string', 'number'] as never, description: about, default: initial }
}

/**
 * What the schema in zod says; and that a rule is of one kind, and which settings there are, which zod's conversion
 * leaves out.
 */
export function jsonSchemaOf(name: SchemaName): object {
  const { title, schema } = SCHEMAS[name]
  const shown = z.toJSONSchema(schema, {
    io: 'input',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema === Policy.shape.spec.shape.rules.element) {
        jsonSchema.oneOf = RULE_KINDS.map((kind) => ({ required: [kind] }))
      }
      if (zodSchema === OwnSettings) {
        delete jsonSchema.propertyNames
        jsonSchema.additionalProperties = false
        jsonSchema.properties = Object.fromEntries(SETTING_KEYS.map((key) => [key, schemaOfSetting(key)]))
      }
    },
  })
  return { title, ...shown }
}
