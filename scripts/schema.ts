/** `npm run schema`: writes the JSON Schemas in `config/` anew, after a change of what files may say. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { jsonSchemaOf, SCHEMA_NAMES } from '../src/cli/config/schemas.ts'

const CONFIG = fileURLToPath(new URL('../config', import.meta.url))

for (const name of SCHEMA_NAMES) {
  writeFileSync(join(CONFIG, `${name}.schema.json`), `${JSON.stringify(jsonSchemaOf(name), undefined, 2)}\n`)
}
