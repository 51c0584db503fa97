/**
 * The state of one ledger: entries by index, in the radix tree over which the XRP Ledger hashes its state ("SHAMap").
 *
 * A tree never changes. `set` and `delete` give another one that shares all but one path with it, so that a history of
 * ledgers costs what changed between them. Hashes are computed when asked for, once per node.
 */
import { encode } from 'ripple-binary-codec'
import type { Entry } from './entry.js'
import { prefixes, sha512Half } from './hash.js'

interface Leaf<T> {
  readonly key: string
  readonly value: T
  hash?: Buffer
}

interface Inner<T> {
  readonly children: readonly (Leaf<T> | Inner<T> | undefined)[]
  hash?: Buffer
}

type Node<T> = Leaf<T> | Inner<T>
type LeafHash<T> = (key: string, value: T) => Buffer

const zeroHash = Buffer.alloc(32)
const noChildren: readonly undefined[] = new Array(16).fill(undefined)

export class RadixTree<T> {
  private readonly root: Inner<T>
  private readonly leafHash: LeafHash<T>

  private constructor(root: Inner<T>, leafHash: LeafHash<T>) {
    this.root = root
    this.leafHash = leafHash
  }

  static empty<T>(leafHash: LeafHash<T>): RadixTree<T> {
    return new RadixTree<T>({ children: noChildren }, leafHash)
  }

  get(key: string): T | undefined {
    let node: Node<T> | undefined = this.root
    for (let depth = 0; node !== undefined; depth++) {
      if ('key' in node) return node.key === key ? node.value : undefined
      node = node.children[nibble(key, depth)]
    }
    return undefined
  }

  set(key: string, value: T): RadixTree<T> {
    return new RadixTree(setIn(this.root, { key, value }, 0) as Inner<T>, this.leafHash)
  }

  delete(key: string): RadixTree<T> {
    return new RadixTree((deleteIn(this.root, key, 0) as Inner<T>) ?? { children: noChildren }, this.leafHash)
  }

  hash(): Buffer {
    return hashOf(this.root, this.leafHash)
  }

  /** In the order of the keys, from the one after `after` on. */
  *entries(after = ''): Generator<readonly [key: string, value: T]> {
    yield* entriesOf(this.root, after, 0)
  }
}

export type StateTree = RadixTree<Entry>

export function emptyState(): StateTree {
  return RadixTree.empty<Entry>((key, entry) =>
    sha512Half(prefixes.stateEntry, Buffer.from(encode(entry), 'hex'), Buffer.from(key, 'hex')),
  )
}

function setIn<T>(node: Node<T> | undefined, leaf: Leaf<T>, depth: number): Node<T> {
  if (node === undefined) return leaf
  if ('key' in node) {
    if (node.key === leaf.key) return leaf
    const branch: Inner<T> = { children: withChild(noChildren, nibble(node.key, depth), node) }
    return setIn(branch, leaf, depth)
  }
  const at = nibble(leaf.key, depth)
  return { children: withChild(node.children, at, setIn(node.children[at], leaf, depth + 1)) }
}

function deleteIn<T>(node: Node<T> | undefined, key: string, depth: number): Node<T> | undefined {
  if (node === undefined) return undefined
  if ('key' in node) return node.key === key ? undefined : node
  const at = nibble(key, depth)
  const before = node.children[at]
  const after = deleteIn(before, key, depth + 1)
  if (after === before) return node
  const children = withChild(node.children, at, after)
  // Below the root a node with one leaf left is replaced by that leaf, so that a tree has one shape for one content.
  if (depth > 0) {
    const left = children.filter((child) => child !== undefined)
    if (left.length === 0) return undefined
    if (left.length === 1 && 'key' in left[0]!) return left[0]
  }
  return { children }
}

function withChild<T>(
  children: readonly (Node<T> | undefined)[],
  at: number,
  child: Node<T> | undefined,
): readonly (Node<T> | undefined)[] {
  const copy = children.slice()
  copy[at] = child
  return copy
}

function hashOf<T>(node: Node<T>, leafHash: LeafHash<T>): Buffer {
  if (node.hash !== undefined) return node.hash
  if ('key' in node) {
    node.hash = leafHash(node.key, node.value)
  } else if (node.children.every((child) => child === undefined)) {
    node.hash = zeroHash
  } else {
    const hashes = node.children.map((child) => (child === undefined ? zeroHash : hashOf(child, leafHash)))
    node.hash = sha512Half(prefixes.innerNode, ...hashes)
  }
  return node.hash
}

function* entriesOf<T>(node: Node<T>, after: string, depth: number): Generator<readonly [string, T]> {
  if ('key' in node) {
    if (node.key > after) yield [node.key, node.value]
    return
  }
  // Of children before `after` on its way down nothing is wanted, of those behind it everything.
  const first = after === '' ? -1 : nibble(after, depth)
  for (let at = Math.max(first, 0); at < node.children.length; at++) {
    const child = node.children[at]
    if (child !== undefined) yield* entriesOf(child, at === first ? after : '', depth + 1)
  }
}

function nibble(key: string, depth: number): number {
  const code = key.charCodeAt(depth)
  return code <= 57 ? code - 48 : code - 55
}
