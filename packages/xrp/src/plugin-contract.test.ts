import { pluginContract } from '@millstream/plugin/testing'
import { openSandboxPair } from './testing/sandbox-pair.js'

pluginContract('escrows on a sandbox', openSandboxPair, {
  rejects: false,
  payeeFirst: false,
  zero: false,
  expiresInMs: 120_000,
  clockWithinMs: 30_000,
})
