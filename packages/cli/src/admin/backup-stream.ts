/**
 * A backup as bytes, for the socket between the shop and the operator's command.
 *
 * | part     | shape                                                   | bytes |
 * | -------- | ------------------------------------------------------- | ----- |
 * | `type`   | 1 for bytes, 2 for the end                              | 1     |
 * | `place`  | big-endian: where the bytes belong; how long the file is | 8     |
 * | `length` | big-endian: how many bytes follow; 8 at the end          | 4     |
 *
 * What follows the end is its moment, in milliseconds since 1970, big-endian.
 */
import type { BackupBatch } from '@millstream/ledger-sqlite'
import { Instant } from '@millstream/units'
import { exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'

const headBytes = 13
const atBytes = 8
const [bytesType, endType] = [1, 2]
/** Longer than any part is. */
const partBytesMax = 2 ** 24

/** Gives one piece for each batch: each piece waits for a turn of the shop's event loop. */
export async function* encode(batches: AsyncIterable<BackupBatch>): AsyncGenerator<Uint8Array> {
  for await (const batch of batches) {
    yield Buffer.concat(
      batch.flatMap((part) => {
        if (part.type === 'bytes') return [headOf(bytesType!, part.at, part.bytes.length), part.bytes]
        const at = Buffer.alloc(atBytes)
        at.writeBigUInt64BE(BigInt(part.at))
        return [headOf(endType!, part.size, atBytes), at]
      }),
    )
  }
}

function headOf(type: number, place: number, length: number): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeUInt8(type)
  head.writeBigUInt64BE(BigInt(place), 1)
  head.writeUInt32BE(length, 9)
  return head
}

/** @throws {Failure} It is no backup. One that is cut ends without its end. */
export async function* decode(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<BackupBatch> {
  let rest: Buffer[] = []
  let length = 0
  const take = (bytes: number): Buffer => {
    const all = rest.length === 1 ? rest[0]! : Buffer.concat(rest)
    length -= bytes
    rest = length === 0 ? [] : [all.subarray(bytes)]
    return all.subarray(0, bytes)
  }
  let head: { readonly type: number; readonly at: number; readonly bytes: number } | undefined
  for await (const chunk of chunks) {
    rest.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    length += chunk.length
    for (;;) {
      if (head === undefined) {
        if (length < headBytes) break
        const bytes = take(headBytes)
        head = { type: bytes[0]!, at: Number(bytes.readBigUInt64BE(1)), bytes: bytes.readUInt32BE(9) }
        const isEnd = head.type === endType && head.bytes === atBytes
        if (!isEnd && (head.type !== bytesType || head.bytes > partBytesMax)) throw notABackup()
      }
      if (length < head.bytes) break
      if (head.type === endType) {
        yield [{ type: 'end', size: head.at, at: Instant.from(Number(take(atBytes).readBigUInt64BE())) }]
        return
      }
      yield [{ type: 'bytes', at: head.at, bytes: take(head.bytes) }]
      head = undefined
    }
  }
}

function notABackup(): Failure {
  return new Failure({
    code: 'ADMIN_BAD_ANSWER',
    exit: exitCodes.folder,
    message: 'The shop that holds the data folder answered with something that is no backup. No backup was made.',
    next: 'use the version of millstream that the shop runs',
  })
}
