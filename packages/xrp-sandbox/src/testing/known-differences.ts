/** Every field in which the sandbox differs from the real server that was recorded. The docs list the same. */

export interface KnownDifference {
  /** Paths of this form, in any answer or message. */
  readonly path: RegExp
  /** As it stands in the docs. */
  readonly field: string
}

export const knownDifferences: readonly KnownDifference[] = [
  { path: /^result\.(info|state)\.git$/, field: 'git' },
  { path: /^result\.(info\.|state\.)?hostid$/, field: 'hostid' },
  { path: /^result\.(info|state)\.initial_sync_duration_us$/, field: 'initial_sync_duration_us' },
  { path: /^result\.(info|state)\.load$/, field: 'load' },
  { path: /^result\.(info|state)\.node_size$/, field: 'node_size' },
  { path: /^result\.(info|state)\.ports/, field: 'ports' },
  { path: /^result\.(info\.|state\.)?pubkey_node$/, field: 'pubkey_node' },
  { path: /^result\.(info|state)\.state_accounting$/, field: 'state_accounting' },
  { path: /^result\.(info|state)\.(server_state_duration_us|time|uptime)$/, field: 'time' },
  { path: /^result\.(info\.validator_list|state\.validator_list_expires)$/, field: 'validator_list' },
  { path: /^result\.random$/, field: 'random' },
]

/** Where the recording does not say what was there before it, the replay cannot know either. */
export const unrecorded: readonly RegExp[] = [
  /(^|\.)(ledger_hash|account_hash|parent_hash|total_coins)$/,
  /^result\.(info|state)\.validated_ledger\.hash$/,
  /(^|\.)(complete_ledgers|validated_ledgers|ledger_index_min)$/,
]
