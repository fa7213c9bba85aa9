/** Reads a policy file: YAML or JSON, one document, errors that name file, line, column and field. */
import { Policy, POLICY_LIMITS } from './policy.ts'
import { readYamlFile, type YamlDocument } from './yaml-file.ts'

/**
 * The policy of a YAML or JSON text. Its expressions are not looked at; what is wrong with those is told by `refuse`.
 * @param fileName named in errors only
 * @throws YamlFileError listing every problem as `file:line:column: field: expected …, found …`
 */
export function readPolicyFile(text: string, fileName: string): YamlDocument<Policy> {
  const [document] = readYamlFile(text, fileName, {
    schema: Policy,
    code: 'bad-policy',
    one: 'policy (kind: Policy)',
    many: 'policy',
    maxBytes: POLICY_LIMITS.fileBytes,
    tooLargeFix: 'a node has one policy; join rules that say the same',
    maxDocuments: 1,
  })
  return document!
}
