import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { joinWrites } from './join-writes.js'

function recordingSocket() {
  const socket = new Socket()
  const written: { readonly bytes: number[]; readonly hasCallback: boolean }[] = []
  socket.write = ((chunk: Uint8Array | string, ...rest: readonly unknown[]) => {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, rest[0] as BufferEncoding) : chunk
    written.push({ bytes: [...bytes], hasCallback: rest.some((one) => typeof one === 'function') })
    return true
  }) as Socket['write']
  return { socket, written, writes: joinWrites(socket) }
}

test('what is written between begin and end leaves as one chunk', () => {
  const { socket, written, writes } = recordingSocket()
  writes.begin()
  socket.write(Uint8Array.of(1, 2))
  socket.write(Buffer.of(3))
  expect(written).toEqual([])
  writes.end()
  expect(written).toEqual([{ bytes: [1, 2, 3], hasCallback: false }])
})

test('before begin and after end everything is written at once', () => {
  const { socket, written, writes } = recordingSocket()
  socket.write(Uint8Array.of(1))
  writes.begin()
  writes.end()
  socket.write(Uint8Array.of(2))
  expect(written.map(({ bytes }) => bytes)).toEqual([[1], [2]])
})

test('what is not kept back does not overtake what is', () => {
  const { socket, written, writes } = recordingSocket()
  writes.begin()
  socket.write(Uint8Array.of(1))
  socket.write(Uint8Array.of(2), () => undefined)
  socket.write(Uint8Array.of(3))
  socket.write(new Uint8Array(5_000))
  socket.write(Uint8Array.of(4))
  socket.write('05', 'hex')
  writes.end()
  expect(written.map(({ bytes }) => (bytes.length > 1 ? bytes.length : bytes[0]))).toEqual([1, 2, 3, 5_000, 4, 5])
  expect(written.map(({ hasCallback }) => hasCallback)).toEqual([false, true, false, false, false, false])
})
