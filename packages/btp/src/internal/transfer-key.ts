/** A transfer id as the key of a Map: one character for each byte, made from bytes of any buffer. */
export function transferKey(bytes: Uint8Array, offset = 0): string {
  return String.fromCharCode(
    bytes[offset]!,
    bytes[offset + 1]!,
    bytes[offset + 2]!,
    bytes[offset + 3]!,
    bytes[offset + 4]!,
    bytes[offset + 5]!,
    bytes[offset + 6]!,
    bytes[offset + 7]!,
    bytes[offset + 8]!,
    bytes[offset + 9]!,
    bytes[offset + 10]!,
    bytes[offset + 11]!,
    bytes[offset + 12]!,
    bytes[offset + 13]!,
    bytes[offset + 14]!,
    bytes[offset + 15]!,
  )
}
