/**
 * Random numbers that come again with their seed. Every part of a world draws from a fork of its own, so that taking one
 * fault out of a plan leaves the luck of everybody else as it was.
 */
export class Random {
  private state: number
  private readonly seed: number

  constructor(seed: number) {
    this.seed = seed >>> 0
    this.state = this.seed
  }

  /** From 0 up to and without 1 (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 up to and without `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** Mostly near `least`: as waiting times are. */
  skewed(least: number, most: number): number {
    return Math.floor(least + (most - least) * this.next() ** 3)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<const T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.below(256)
    return bytes
  }

  fork(label: string): Random {
    return new Random(hashText(label, this.seed ^ 0x9e3779b9))
  }
}

/** 32-bit FNV-1a, mixed once more at the end. */
export function hashText(text: string, basis: number): number {
  let hash = (basis ^ 0x811c9dc5) >>> 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
