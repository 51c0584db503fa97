/** What a shop sells, from what `--content` says. */
import { stat } from 'node:fs/promises'
import { hashes } from '@millstream/hashes'
import { file, folder, letters, type Source, upstream } from '@millstream/shop'
import { MillstreamError } from '@millstream/units'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import type { Content } from './option.js'

export interface ContentSource {
  readonly find: Source
  /** The unit that it is sold by when nothing else is said. */
  readonly unit: string
}

const bytesUnit = 'bytes:1024'

/** @throws {Failure} There is nothing of that name. */
export async function create(content: Content, length: number | undefined): Promise<ContentSource> {
  if (content.kind === 'letters') {
    return { find: letters(hashes, length === undefined ? {} : { length }), unit: 'letter' }
  }
  if (length !== undefined) throw unusable('Only letters have a number of letters.', 'leave --letters out')
  try {
    if (content.kind === 'upstream') return { find: upstream(content.url), unit: bytesUnit }
    const { path } = content
    const isFolder = (await stat(path)).isDirectory()
    return { find: isFolder ? await folder(path) : await file(path), unit: bytesUnit }
  } catch (cause) {
    const words = cause instanceof MillstreamError ? cause.message : `It cannot be read: ${(cause as Error).message}.`
    throw unusable(words, 'give --content letters, a file, a folder or a URL', cause)
  }
}

function unusable(message: string, next: string, cause?: unknown): Failure {
  return new Failure({
    code: 'SHOP_CONTENT',
    exit: exitCodes.usage,
    message: `${message} Nothing was started.`,
    next,
    ...(cause === undefined ? {} : { cause }),
  })
}
