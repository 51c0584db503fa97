/**
 * What `require('ilp-packet')` gives: the functions of versions 1 (packets of 2017) and 3 (ILPv4) under one roof, on
 * the codec of Millstream. Same names and shapes; where the originals write a wrong packet or read a broken one without
 * a word, these throw an error with a `code`.
 */
export { getScheme, type IlpAddress, type IlpAddressScheme, isValidIlpAddress } from './address.js'
export { IlpError, type IlpErrorCode, isCanonicalIlpRejectCode } from './error-code.js'
export * as Errors from './errors.js'
export { deserializeEnvelope, deserializeIlpPacket, type IlpPacket, serializeIlpPacket } from './packet.js'
export * from './packet-2017.js'
export { IlpPacketType, Type } from './packet-type.js'
export * from './packet-v4.js'
