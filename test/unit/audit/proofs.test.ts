/** The Merkle tree against the vectors of Certificate Transparency, and its proofs against what they claim. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Frontier } from '../../../src/audit/frontier.ts'
import { EMPTY_ROOT, hashLeaf, hashNode } from '../../../src/audit/hashing.ts'
import { consistencyProof, inclusionProof, peaksOf, type SubtreeHash } from '../../../src/audit/proofs.ts'
import { verifyConsistency, verifyInclusion, type TreeHead } from '../../../src/audit/verify.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))

/** From the tests of github.com/google/certificate-transparency, `merkletree/merkle_tree_test.cc`. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]
const NODE = {
  leaf0: '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  leaf1: '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
  leaf4: 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
  two01: 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  two23: '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
  two45: '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
  two67: 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
  four0: 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  four4: '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
} as const

/** A tree with all its nodes, and its head at every size. */
function treeOf(leaves: readonly Uint8Array[]): { heads: TreeHead[]; subtree: SubtreeHash } {
  const nodes = new Map<string, Uint8Array>()
  const frontier = new Frontier()
  const heads: TreeHead[] = [{ size: 0, root: frontier.root() }]
  for (const leaf of leaves) {
    frontier.append(leaf, (level, index, hash) => nodes.set(`${level}/${index}`, hash))
    heads.push({ size: frontier.size, root: frontier.root() })
  }
  return { heads, subtree: (level, index) => nodes.get(`${level}/${index}`)! }
}

const reference = treeOf(LEAVES.map((leaf) => hashLeaf(bytes(leaf))))

/** As section 2.1 of RFC 6962 has it, word by word. */
function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return EMPTY_ROOT
  if (leaves.length === 1) return leaves[0]!
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return hashNode(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
}

const someLeaves = (length: number): Uint8Array[] =>
  Array.from({ length }, (_, index) => hashLeaf(Buffer.from(`event ${index}`)))

/** Every way to change one bit of one of these. */
const flipped = (path: readonly Uint8Array[], at: number, bit: number): Uint8Array[] =>
  path.map((hash, index) => (index === at ? withBit(hash, bit) : hash))
const withBit = (hash: Uint8Array, bit: number): Uint8Array =>
  hash.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

describe('the audit log as a Merkle tree', () => {
  it('has the roots of the reference vectors', () => {
    assert.equal(hex(EMPTY_ROOT), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    assert.deepEqual(
      reference.heads.slice(1).map(({ root }) => hex(root)),
      ROOTS,
    )
  })

  it('makes the inclusion proofs of the reference vectors', () => {
    const { leaf0, leaf1, leaf4, two01, two23, two67, four0, four4 } = NODE
    const expected: [number, number, string[]][] = [
      [0, 1, []],
      [0, 8, [leaf1, two23, four4]],
      [5, 8, [leaf4, two67, four0]],
      [2, 3, [two01]],
      [1, 5, [leaf0, two23, leaf4]],
    ]
    for (const [index, size, path] of expected)
      assert.deepEqual(inclusionProof(index, size, reference.subtree).map(hex), path, `${index} in ${size}`)
  })

  it('makes the consistency proofs of the reference vectors', () => {
    const { leaf1, leaf4, two23, two45, two67, four0, four4 } = NODE
    const expected: [number, number, string[]][] = [
      [1, 1, []],
      [1, 8, [leaf1, two23, four4]],
      [6, 8, [two45, two67, four0]],
      [2, 5, [two23, leaf4]],
    ]
    for (const [first, second, path] of expected)
      assert.deepEqual(consistencyProof(first, second, reference.subtree).map(hex), path, `${first} to ${second}`)
  })

  it('has the root of the definition at every size, also when it goes on from its peaks', () => {
    const leaves = someLeaves(130)
    const { heads, subtree } = treeOf(leaves)
    for (let size = 0; size <= leaves.length; size++) {
      assert.deepEqual(heads[size]!.root, rootOf(leaves.slice(0, size)))
      const resumed = new Frontier(size, peaksOf(size, subtree))
      for (const leaf of leaves.slice(size)) resumed.append(leaf)
      assert.deepEqual(resumed.root(), heads.at(-1)!.root)
    }
    assert.throws(() => new Frontier(3, [leaves[0]!]), RangeError)
    assert.throws(() => new Frontier(-1), RangeError)
  })

  it('proves every leaf in every tree, and nothing else', () => {
    const leaves = someLeaves(70)
    const { heads, subtree } = treeOf(leaves)
    for (let size = 1; size <= leaves.length; size++) {
      for (let index = 0; index < size; index++) {
        const path = inclusionProof(index, size, subtree)
        assert.ok(verifyInclusion(leaves[index]!, index, heads[size]!, path), `${index} in ${size}`)
        const other = (index + 1) % size
        if (other !== index) assert.ok(!verifyInclusion(leaves[index]!, other, heads[size]!, path))
        assert.ok(!verifyInclusion(leaves[index]!, index, heads[size]!, [...path, leaves[0]!]))
        if (path.length > 0) assert.ok(!verifyInclusion(leaves[index]!, index, heads[size]!, path.slice(1)))
      }
    }
  })

  it('proves every tree the beginning of every later one', () => {
    const { heads, subtree } = treeOf(someLeaves(70))
    const other = treeOf(someLeaves(71).toReversed())
    for (let second = 1; second <= 70; second++) {
      for (let first = 1; first <= second; first++) {
        const path = consistencyProof(first, second, subtree)
        assert.ok(verifyConsistency(heads[first]!, heads[second]!, path), `${first} to ${second}`)
        assert.ok(!verifyConsistency(other.heads[first]!, heads[second]!, path), 'a rewritten beginning')
        assert.ok(!verifyConsistency(heads[first]!, other.heads[second]!, path), 'a rewritten whole')
        assert.ok(!verifyConsistency(heads[first]!, heads[second]!, [...path, heads[1]!.root]))
        assert.equal(verifyConsistency(heads[second]!, heads[first]!, path), first === second, 'no log shrinks')
      }
      assert.ok(verifyConsistency(heads[0]!, heads[second]!, []))
    }
  })

  it('refuses a proof with any bit altered', () => {
    const { heads, subtree } = treeOf(someLeaves(200))
    const sizes = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 200 }))
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat({ max: 255 }), ([a, b], which, bit) => {
        const [first, second] = [Math.min(a, b), Math.max(a, b)]
        const path = consistencyProof(first, second, subtree)
        const [old, now] = [heads[first]!, heads[second]!]
        if (path.length > 0)
          assert.ok(!verifyConsistency(old, now, flipped(path, which % path.length, bit)), `${first} to ${second}`)
        assert.ok(!verifyConsistency({ ...old, root: withBit(old.root, bit) }, now, path))
        assert.ok(!verifyConsistency(old, { ...now, root: withBit(now.root, bit) }, path))
        const inclusion = inclusionProof(first - 1, second, subtree)
        const leaf = subtree(0, first - 1)
        assert.ok(verifyInclusion(leaf, first - 1, now, inclusion))
        assert.ok(!verifyInclusion(withBit(leaf, bit), first - 1, now, inclusion))
        if (inclusion.length > 0)
          assert.ok(!verifyInclusion(leaf, first - 1, now, flipped(inclusion, which % inclusion.length, bit)))
      }),
      { numRuns: 2_000 },
    )
  })

  it('never throws at a proof of any form', () => {
    const { heads } = treeOf(someLeaves(9))
    const head = fc.record({ size: fc.integer({ min: -1, max: 2 ** 40 }), root: fc.uint8Array({ maxLength: 40 }) })
    const path = fc.array(fc.uint8Array({ minLength: 0, maxLength: 40 }), { maxLength: 70 })
    fc.assert(
      fc.property(head, head, path, fc.integer(), (first, second, hashes, index) => {
        assert.equal(verifyConsistency(first, heads[9]!, hashes) && first.size > 0, false)
        assert.equal(typeof verifyConsistency(first, second, hashes), 'boolean')
        assert.equal(verifyInclusion(heads[3]!.root, index, heads[9]!, hashes), false)
      }),
    )
  })

  it('is exact beyond 2^31 leaves', () => {
    const size = 2 ** 40 + 5
    const subtree: SubtreeHash = (level, index) => hashLeaf(Buffer.from(`${level}/${index}`))
    const peaks = new Frontier(size, peaksOf(size, subtree))
    const path = inclusionProof(2 ** 40 + 4, size, subtree)
    const head = { size, root: peaks.root() }
    assert.ok(verifyInclusion(subtree(0, 2 ** 40 + 4), 2 ** 40 + 4, head, path))
    const before = { size: 2 ** 40, root: subtree(40, 0) }
    assert.ok(verifyConsistency(before, head, consistencyProof(2 ** 40, size, subtree)))
  })
})
