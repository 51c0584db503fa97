/**
 * The directory of what an account owns, or is the destination of: pages of at most 32 indexes, sorted within a page.
 * The root stays when it is empty; other pages are deleted with their last index.
 */
import { type DirectoryNode, directoryPageIndex, ownerDirectoryIndex } from './entry.js'
import type { ReadView, View } from './view.js'

const pageEntriesMax = 32

/** @returns The page, as hex, under which the entry is found again. */
export function insert(view: View, owner: string, entryIndex: string): string {
  const rootIndex = ownerDirectoryIndex(owner)
  const root = view.read(rootIndex) as DirectoryNode | undefined
  if (root === undefined) {
    view.write(rootIndex, {
      LedgerEntryType: 'DirectoryNode',
      Flags: 0,
      Owner: owner,
      RootIndex: rootIndex,
      Indexes: [entryIndex],
    })
    return '0'
  }
  const lastNumber = pageNumber(root.IndexPrevious)
  const lastIndex = directoryPageIndex(rootIndex, lastNumber)
  const last = view.read(lastIndex) as DirectoryNode
  if (last.Indexes.length < pageEntriesMax) {
    view.write(lastIndex, { ...last, Indexes: [...last.Indexes, entryIndex].sort() })
    return format(lastNumber)
  }
  const number = lastNumber + 1n
  view.write(lastIndex, { ...last, IndexNext: format(number) })
  view.write(rootIndex, { ...(view.read(rootIndex) as DirectoryNode), IndexPrevious: format(number) })
  view.write(directoryPageIndex(rootIndex, number), {
    LedgerEntryType: 'DirectoryNode',
    Flags: 0,
    Owner: owner,
    RootIndex: rootIndex,
    Indexes: [entryIndex],
    ...(lastNumber === 0n ? {} : { IndexPrevious: format(lastNumber) }),
  })
  return format(number)
}

export function remove(view: View, owner: string, page: string, entryIndex: string): void {
  const rootIndex = ownerDirectoryIndex(owner)
  const number = pageNumber(page)
  const index = directoryPageIndex(rootIndex, number)
  const node = view.read(index) as DirectoryNode
  const indexes = node.Indexes.filter((other) => other !== entryIndex)
  if (indexes.length > 0 || number === 0n) {
    view.write(index, { ...node, Indexes: indexes })
    return
  }
  const previousNumber = pageNumber(node.IndexPrevious)
  const nextNumber = pageNumber(node.IndexNext)
  const previousIndex = directoryPageIndex(rootIndex, previousNumber)
  const nextIndex = directoryPageIndex(rootIndex, nextNumber)
  const previous = view.read(previousIndex) as DirectoryNode
  view.write(previousIndex, linked(previous, 'IndexNext', nextNumber))
  const next = view.read(nextIndex) as DirectoryNode
  view.write(nextIndex, linked(next, 'IndexPrevious', previousNumber))
  view.erase(index)
}

/** The indexes of everything in it, page by page. */
export function* entries(view: ReadView, owner: string): Generator<string> {
  const rootIndex = ownerDirectoryIndex(owner)
  let node = view.read(rootIndex) as DirectoryNode | undefined
  while (node !== undefined) {
    yield* node.Indexes
    const next = pageNumber(node.IndexNext)
    if (next === 0n) return
    node = view.read(directoryPageIndex(rootIndex, next)) as DirectoryNode | undefined
  }
}

/** Takes away an empty directory with its account. */
export function eraseEmpty(view: View, owner: string): void {
  view.erase(ownerDirectoryIndex(owner))
}

/** A link to page 0 is written as 0 where there was one, and left out where there was none. */
function linked(node: DirectoryNode, name: 'IndexNext' | 'IndexPrevious', number: bigint): DirectoryNode {
  return { ...node, [name]: format(number) }
}

function pageNumber(text: string | undefined): bigint {
  return text === undefined ? 0n : BigInt(`0x${text}`)
}

function format(number: bigint): string {
  return number.toString(16)
}
