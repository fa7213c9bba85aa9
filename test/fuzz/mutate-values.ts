/** Mutations of decoded values: what reaches a schema once bytes or JSON are in order. */
import type { Rng } from '../../src/util/rng.ts'

/** What schemas are apt to take by mistake. All of it can travel as dag-cbor. */
const ODD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  -0.5,
  100,
  101,
  2 ** 31,
  2 ** 53 - 1,
  1 - 2 ** 53,
  1e300,
  '',
  '.',
  '-',
  'a.b',
  'A',
  ' a',
  'a\n',
  '\0',
  '\u202e',
  'é',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  'x'.repeat(65),
  'x'.repeat(129),
  'x'.repeat(5_000),
  [],
  [[]],
  {},
  { a: 1 },
  { toString: 1 },
  new Uint8Array(0),
  new Uint8Array(16),
]

/** Bytes are not what JSON can say. */
const ODD_JSON = ODD.filter((value) => !(value instanceof Uint8Array))

type Fields = Readonly<Record<string, unknown>>
type Tree = readonly unknown[] | Fields

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

/** A copy with another child under a key. */
function withChild(tree: Tree, key: string | number, child: unknown): unknown {
  if (isList(tree)) return tree.with(Number(key), child)
  // Defined, not assigned: under `__proto__` an assignment would do something else.
  return Object.defineProperty({ ...tree }, key, { value: child, enumerable: true, configurable: true, writable: true })
}

function mutateList(list: readonly unknown[], rng: Rng, odd: readonly unknown[]): unknown[] {
  const at = rng.int(list.length + 1)
  switch (rng.int(4)) {
    case 0:
      return list.toSpliced(at, 1)
    case 1:
      return list.toSpliced(at, 0, rng.pick(odd))
    case 2: // one of its own again
      return list.length === 0 ? [[]] : list.toSpliced(at, 0, rng.pick(list))
    default: // now and then beyond any bound
      return rng.int(200) > 0 || list.length === 0
        ? list.toReversed()
        : Array.from({ length: 2_100 }, () => rng.pick(list))
  }
}

function mutateMap(map: Fields, rng: Rng, odd: readonly unknown[]): unknown {
  const keys = Object.keys(map)
  if (keys.length === 0) return { x: rng.pick(odd) }
  const key = rng.pick(keys)
  const { [key]: child, ...rest } = map
  switch (rng.int(3)) {
    case 0: // one key less
      return rest
    case 1: // one more
      return withChild(map, rng.pick(['x', '', '__proto__', 'toString', `${key}s`]), rng.pick(odd))
    default: // one under another name
      return withChild(rest, rng.pick([`${key}_`, key.toUpperCase(), '__proto__']), child)
  }
}

function mutateLeaf(leaf: unknown, rng: Rng, odd: readonly unknown[]): unknown {
  if (typeof leaf === 'number')
    return rng.pick([leaf + 1, leaf - 1, -leaf, Math.min(leaf * 2 ** 20, 1e300), leaf / 3, Math.floor(leaf)])
  if (typeof leaf === 'string') {
    const at = rng.int(leaf.length + 1)
    const piece = rng.pick(['.', '-', '/', ' ', 'A', '0', '\u{1f600}', leaf])
    return rng.int(2) === 0 ? leaf.slice(0, at) + piece + leaf.slice(at) : leaf.slice(at)
  }
  if (leaf instanceof Uint8Array) return leaf.slice(rng.int(leaf.length + 1))
  return rng.pick(odd)
}

/** Any part of a value. */
function pieceOf(value: unknown, rng: Rng): unknown {
  if (!isTree(value) || rng.int(3) === 0) return value
  const children = Object.values(value)
  return children.length === 0 ? value : pieceOf(rng.pick(children), rng)
}

function mutateHere(value: unknown, donors: readonly unknown[], rng: Rng, odd: readonly unknown[]): unknown {
  const how = rng.int(8)
  if (how === 0) return rng.pick(odd)
  if (how === 1) return pieceOf(rng.pick(donors), rng)
  if (isList(value)) return mutateList(value, rng, odd)
  if (isTree(value)) return mutateMap(value as Fields, rng, odd)
  return mutateLeaf(value, rng, odd)
}

function mutateOnce(value: unknown, donors: readonly unknown[], rng: Rng, odd: readonly unknown[]): unknown {
  if (!isTree(value) || rng.int(5) === 0) return mutateHere(value, donors, rng, odd)
  const keys = Object.keys(value)
  if (keys.length === 0) return mutateHere(value, donors, rng, odd)
  const key = rng.pick(keys)
  return withChild(value, key, mutateOnce((value as Fields)[key], donors, rng, odd))
}

/**
 * One or two mutations of one of the values, somewhere inside. What was not mutated is shared with it.
 * @param json nothing but what JSON can say
 */
export function mutateValue(values: readonly unknown[], rng: Rng, json = false): unknown {
  const odd = json ? ODD_JSON : ODD
  let value = rng.pick(values)
  for (let i = rng.int(3) >> 1; i >= 0; i--) value = mutateOnce(value, values, rng, odd)
  return value
}
