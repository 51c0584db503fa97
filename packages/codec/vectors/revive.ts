/**
 * Turns the JSON of a vector file into values: `{$hex}` is a byte string, `{$date}` a time (`Invalid` an invalid one),
 * `{$undefined}` undefined, `{$join}` and arrays in `hex` are text out of `[part, times]`.
 */
type Parts = readonly (readonly [string, number])[]

export function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive)
  if (typeof value !== 'object' || value === null) return value
  const record = value as Record<string, unknown>
  if ('$hex' in record) return bytesOf(join(record.$hex))
  if ('$date' in record) return new Date(String(record.$date))
  if ('$undefined' in record) return undefined
  if ('$join' in record) return join(record.$join)
  return Object.fromEntries(
    Object.entries(record).map(([key, part]) => [key, key === 'hex' ? join(part) : revive(part)]),
  )
}

function join(value: unknown): string {
  if (typeof value === 'string') return value
  return (value as Parts).map(([part, times]) => part.repeat(times)).join('')
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}
