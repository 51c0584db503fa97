/** Writing and reading the small fields of the journal: LEB128 numbers, signed magnitudes, text in UTF-8. */

export class ByteWriter {
  #bytes = new Uint8Array(1024)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** What was written so far; valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes))
    larger.set(this.view())
    this.#bytes = larger
  }

  uint8(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  uint32(value: number): void {
    this.#room(4)
    this.#length += 4
    this.uint32At(this.#length - 4, value)
  }

  uint32At(offset: number, value: number): void {
    new DataView(this.#bytes.buffer).setUint32(offset, value)
  }

  /** 0 to 2^53 - 1. */
  uint(value: number): void {
    this.#room(8)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  text(text: string): void {
    this.#room(8 + 3 * text.length)
    const encoded = encoder.encode(text)
    this.uint(encoded.length)
    this.bytes(encoded)
  }

  /** Twice the bytes of the magnitude, 1 more when it is below 0; then the magnitude, its smallest byte first. */
  bigint(value: bigint): void {
    let rest = value < 0n ? -value : value
    const digits: number[] = []
    if (rest <= 0xffff_ffff_ffffn) {
      for (let small = Number(rest); small > 0; small = Math.floor(small / 256)) digits.push(small % 256)
    } else {
      for (; rest > 0n; rest >>= 8n) digits.push(Number(rest & 0xffn))
    }
    this.uint(2 * digits.length + (value < 0n ? 1 : 0))
    this.#room(digits.length)
    for (const digit of digits) this.#bytes[this.#length++] = digit
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  uint8(): number {
    const value = this.#bytes[this.#offset++]
    if (value === undefined) throw new UnreadableError()
    return value
  }

  uint(): number {
    let value = 0
    for (let unit = 1; ; unit *= 0x80) {
      const byte = this.uint8()
      value += (byte & 0x7f) * unit
      if (value > Number.MAX_SAFE_INTEGER) throw new UnreadableError()
      if (byte < 0x80) return value
    }
  }

  /** A copy. */
  bytes(length: number): Uint8Array {
    const end = this.#offset + length
    if (end > this.#bytes.length) throw new UnreadableError()
    const bytes = this.#bytes.slice(this.#offset, end)
    this.#offset = end
    return bytes
  }

  text(): string {
    return decoder.decode(this.bytes(this.uint()))
  }

  bigint(): bigint {
    const head = this.uint()
    let value = 0n
    const digits = this.bytes(Math.floor(head / 2))
    for (let i = digits.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!)
    return head % 2 === 1 ? -value : value
  }

  list<Item>(read: () => Item): Item[] {
    const length = this.uint()
    const items: Item[] = []
    for (let i = 0; i < length; i++) items.push(read())
    return items
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The bytes end too early or say something impossible. */
export class UnreadableError extends Error {}
