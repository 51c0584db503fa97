import { readFileSync } from 'node:fs'
import { revive } from './revive.js'

/** The vectors of one file, revived. */
export function readVectors<Vector>(path: string): readonly Vector[] {
  return revive(JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))) as readonly Vector[]
}
