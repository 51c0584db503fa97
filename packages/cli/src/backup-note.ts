/** What a backup carries beside the ledger: what `ledger restore` needs to make a whole data folder of it. */
import { type Asset, MillstreamError } from '@millstream/units'
import * as Option from './option.js'

export interface BackupNote {
  readonly prefix: string
  readonly asset: Asset
  /** The moment of the copy: what happened later is not in it. */
  readonly at: string
  /** The shop's key as it stands in its file; absent for a ledger that no shop has opened yet. */
  readonly key?: string
}

const format1 = 1

export function format(note: BackupNote): string {
  return JSON.stringify({ format: format1, ...note })
}

/** @throws {BackupNoteError} It is none, or a later version wrote it. */
export function parse(text: string | undefined): BackupNote {
  try {
    const { format, prefix, asset, at, key } = JSON.parse(text ?? '') as Record<string, unknown>
    const { code, scale } = asset as Record<string, unknown>
    if (format !== format1 || (key !== undefined && typeof key !== 'string')) throw new BackupNoteError()
    return {
      prefix: Option.prefix(String(prefix)),
      asset: Option.asset(`${code}:${scale}`),
      at: new Date(String(at)).toISOString(),
      ...(key === undefined ? {} : { key }),
    }
  } catch {
    throw new BackupNoteError()
  }
}

export class BackupNoteError extends MillstreamError {
  override readonly name = 'BackupNote.BackupNoteError'
  readonly code = 'FOLDER_NO_BACKUP'
  constructor() {
    super(
      'The file was not made by `millstream ledger backup`, or by a later version of it. Nothing was restored. A ledger ' +
        'that was copied by hand is put into its folder by hand, with the other files of that folder.',
    )
  }
}
