export {
  ConnectError,
  type ConnectOptions,
  connectLimits,
  connectWebSocket,
  webSocketConnector,
} from './connect-web-socket.js'
export {
  ListenError,
  type ListenLimits,
  type ListenOptions,
  listenLimits,
  listenWebSocket,
  type WebSocketConnection,
  type WebSocketListener,
} from './listen-web-socket.js'
