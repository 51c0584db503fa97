/**
 * One name for several shops, in one file and with nothing but Node:
 *
 *   node proxy.mjs 8000 node-1=8001:9001 node-2=8002:9002 node-3=8003:9003
 *
 * - HTTP goes to any shop that lives, in turn. The answer says where to pay: the path of the shop that serves the stream.
 * - A WebSocket on `/btp/node-1` goes to the ledger port of node-1; on any other path, to any shop.
 * - While node-1 is away its WebSockets go to another shop, where its customers learn what became of their payments.
 *   Once it is back they are ended, so that their customers come back to it.
 *
 * It has no TLS and no limits of its own: put it behind something that has, or take nginx.conf instead.
 */
import { createServer, request } from 'node:http'
import { connect } from 'node:net'

const host = '127.0.0.1'
const lookEveryMs = 250
const lookMsMax = 1_000

const [port = '8000', ...words] = process.argv.slice(2)
const nodes = words.map((word) => {
  const [, name, httpPort, btpPort] = /^([\w.-]+)=(\d+):(\d+)$/.exec(word) ?? []
  if (name === undefined) throw new Error(`A node is NAME=HTTP_PORT:BTP_PORT, not ${word}.`)
  return { name, httpPort: Number(httpPort), btpPort: Number(btpPort), isAlive: true, guests: new Set() }
})
if (nodes.length === 0) throw new Error('Name at least one node: node-1=8001:9001.')
let turn = 0

/** Those that live, the named one first, else the next one in turn; all of them if none seems to. */
function candidates(first) {
  if (first === undefined) turn = (turn + 1) % nodes.length
  const inTurn = [...nodes.slice(turn), ...nodes.slice(0, turn)]
  const alive = inTurn.filter((node) => node.isAlive)
  const others = (alive.length > 0 ? alive : inTurn).filter((node) => node !== first)
  return first?.isAlive ? [first, ...others] : others
}

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The shop believes this header from a proxy that it was told to trust: what a client wrote into it is not passed on. */
function headersOf({ headers, socket }, kept = () => true) {
  const own = Object.fromEntries(Object.entries(headers).filter(([name]) => kept(name)))
  return { ...own, 'x-forwarded-for': socket.remoteAddress ?? '' }
}

const server = createServer((incoming, outgoing) => {
  outgoing.on('error', () => {})
  const [node, ...others] = candidates()
  forward(incoming, outgoing, node, incoming.method === 'GET' ? others : [])
})

/** Sends a request to a shop, and to another one if that cannot be reached: nothing has been asked of it then. */
function forward(incoming, outgoing, node, others) {
  const headers = headersOf(incoming, (name) => !hopByHop.has(name))
  const asked = request({
    host,
    port: node.httpPort,
    method: incoming.method,
    path: incoming.url,
    headers,
    agent: false,
  })
  let isAnswered = false
  asked.once('response', (answer) => {
    isAnswered = true
    const kept = Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name))
    outgoing.writeHead(answer.statusCode ?? 502, Object.fromEntries(kept))
    outgoing.flushHeaders()
    answer.pipe(outgoing)
    answer.on('error', () => {})
    // A body that breaks off on one side breaks off on the other: nobody shall take it for the end.
    answer.once('close', () => {
      if (!answer.complete) outgoing.destroy()
    })
  })
  asked.once('error', () => {
    if (outgoing.destroyed) return
    node.isAlive = false
    if (isAnswered) return
    if (others.length > 0) forward(incoming, outgoing, others[0], others.slice(1))
    else outgoing.writeHead(502, { 'content-type': 'text/plain' }).end('No shop answers.\n')
  })
  outgoing.once('close', () => asked.destroy())
  incoming.pipe(asked)
}

server.on('upgrade', (incoming, client, head) => {
  client.on('error', () => {})
  const named = nodes.find(({ name }) => new URL(incoming.url, 'http://proxy').pathname.startsWith(`/btp/${name}`))
  tunnel(incoming, client, head, named, candidates(named))
})

/** Hands a WebSocket to the first shop that takes it. */
function tunnel(incoming, client, head, named, [node, ...others]) {
  if (node === undefined) {
    client.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    return
  }
  const shop = connect(node.btpPort, host)
  const failed = () => {
    node.isAlive = false
    tunnel(incoming, client, head, named, others)
  }
  shop.once('error', failed)
  shop.once('connect', () => {
    shop.off('error', failed)
    shop.on('error', () => {})
    const lines = Object.entries(headersOf(incoming)).map(([name, value]) => `${name}: ${value}`)
    shop.write(`GET ${incoming.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    shop.write(head)
    if (client.destroyed) shop.destroy()
    if (named !== undefined && named !== node) {
      named.guests.add(client)
      client.once('close', () => named.guests.delete(client))
    }
    shop.pipe(client).pipe(shop)
    shop.once('close', () => client.destroy())
    client.once('close', () => shop.destroy())
  })
}

/** Asks a shop for its health. */
function look(node) {
  const asked = request({ host, port: node.httpPort, path: '/healthz', agent: false, timeout: lookMsMax })
  asked.once('timeout', () => asked.destroy())
  asked.once('response', (answer) => {
    answer.resume()
    node.isAlive = answer.statusCode === 200
    if (node.isAlive) for (const guest of node.guests) guest.destroy()
  })
  asked.once('error', () => {
    node.isAlive = false
  })
  asked.once('close', () => setTimeout(look, lookEveryMs, node))
  asked.end()
}

server.listen(Number(port), host, () => {
  for (const node of nodes) look(node)
  console.log(`ready http://${host}:${server.address().port}/`)
})
