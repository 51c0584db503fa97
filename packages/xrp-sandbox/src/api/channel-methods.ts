/** `channel_verify`: whether a claim on a payment channel is signed by a key. Signing is for clients. */
import { isPublicKey, isSigned } from '../ledger/channel-claim.js'
import { ApiError } from './api-error.js'
import { isHash, type Method } from './method.js'

const dropsMax = 2n ** 64n - 1n

export const channelVerify: Method = (request) => {
  for (const name of ['public_key', 'channel_id', 'amount', 'signature']) {
    if (request[name] === undefined) throw new ApiError('invalidParams', { message: `Missing field '${name}'.` })
  }
  const { public_key: publicKey, channel_id: channel, amount, signature } = request
  if (typeof publicKey !== 'string' || !isPublicKey(publicKey)) throw new ApiError('publicMalformed')
  if (!isHash(channel)) throw new ApiError('channelMalformed')
  if (typeof amount !== 'string' || !/^\d{1,20}$/.test(amount) || BigInt(amount) > dropsMax) {
    throw new ApiError('channelAmtMalformed')
  }
  if (typeof signature !== 'string' || !/^([0-9A-Fa-f]{2})+$/.test(signature)) throw new ApiError('invalidParams')
  return { signature_verified: isSigned({ channel, drops: BigInt(amount) }, signature, publicKey) }
}
