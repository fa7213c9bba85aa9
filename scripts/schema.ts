/** `npm run schema`: writes the JSON Schemas in `config/` anew, after a change of what files may say. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { policySchema } from './schema/policy.ts'

const CONFIG = fileURLToPath(new URL('../config', import.meta.url))

writeFileSync(join(CONFIG, 'policy.schema.json'), policySchema())
