// Runs one plugin, ours or the original, as its parent process says: constructs it, calls its methods, tells its events.
'use strict'

const crypto = require('node:crypto')
const Plugin = require('ilp-plugin-payment-channel-framework')

const eventNames = [
  'connect',
  'disconnect',
  'error',
  'incoming_prepare',
  'incoming_fulfill',
  'incoming_reject',
  'incoming_cancel',
  'outgoing_prepare',
  'outgoing_fulfill',
  'outgoing_reject',
  'outgoing_cancel',
  'incoming_request',
  'outgoing_request',
  'incoming_response',
  'outgoing_response',
]
const stored = {}
let plugin
let answerRequestsWith
const unhandled = []

process.on('unhandledRejection', (error) => unhandled.push(String(error?.message)))

const commands = {
  construct(options) {
    plugin = new Plugin(
      Object.assign(
        {},
        options,
        options.stateful && {
          _store: {
            get: (key) => stored[key],
            put: (key, value) => {
              stored[key] = value
            },
            del: (key) => delete stored[key],
          },
        },
      ),
    )
    for (const name of eventNames) {
      plugin.on(name, (...args) => process.send({ event: name, args }))
    }
  },
  call(method, args) {
    return plugin[method](...args)
  },
  // Answers every request with the same ILP packet and custom data, or with an error.
  answerRequests(answer) {
    answerRequestsWith = answer
    plugin.registerRequestHandler((message) => {
      if (answerRequestsWith.error) return Promise.reject(new Error(answerRequestsWith.error))
      return Promise.resolve({
        to: plugin.getPeerAccount(),
        from: plugin.getAccount(),
        ledger: plugin.getInfo().prefix,
        ilp: answerRequestsWith.ilp,
        custom: { heard: message.custom },
      })
    })
  },
  unhandled: () => unhandled,
  hash: (fulfillment) =>
    crypto.createHash('sha256').update(Buffer.from(fulfillment, 'base64')).digest().toString('base64url'),
}

// The original wants a Date where ours also takes text; messages between processes have no dates.
function revive(value) {
  if (typeof value !== 'object' || value === null) return value
  if (value.$date) return new Date(value.$date)
  for (const key of Object.keys(value)) value[key] = revive(value[key])
  return value
}

process.on('message', async ({ id, command, args }) => {
  try {
    const result = await commands[command](...revive(args))
    process.send({ id, result: result === undefined ? null : result })
  } catch (error) {
    process.send({ id, error: { name: error.name, message: error.message } })
  }
})
process.on('disconnect', () => process.exit())
