import type { Mutant } from './mutants/list.js'

export function bundle(entry: string, mutant?: Mutant): Promise<string>
