/** The tree that the CEL library makes of an expression. */

/** A node of it, as far as it is looked at. */
export interface AstNode {
  readonly op: string
  readonly args: readonly unknown[]
  readonly checkedType?: { readonly name: string }
}

/** The operands of an operator. */
export function childrenOf({ op, args }: AstNode): AstNode[] {
  if (op === 'value' || op === 'id') return []
  if (op === '.') return [args[0] as AstNode]
  // A literal map is a list of pairs.
  if (op === 'map') return (args as AstNode[][]).flat()
  // The operand of `!` and `-` stands by itself.
  return Array.isArray(args) ? (args as AstNode[]) : [args as unknown as AstNode]
}
