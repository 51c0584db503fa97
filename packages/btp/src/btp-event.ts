import type { ObservedEvent } from '@millstream/units'

/** What sessions, the trustline client and the WebSocket adapters report. Never once per payment. */
export type BtpEvent = ObservedEvent &
  (
    | {
        readonly name: 'btp.session_closed'
        readonly code: number
        readonly reason: string
        readonly by: 'peer' | 'us'
      }
    /** A bug in the owner of a session: it threw while it handled a frame or an answer. The session was closed. */
    | { readonly name: 'btp.handler_failed'; readonly error: unknown }
    | { readonly name: 'btp.client_connected'; readonly url: string; readonly prefix: string }
    | { readonly name: 'btp.client_disconnected'; readonly reason: string; readonly unresolved: number }
    | { readonly name: 'btp.client_connect_failed'; readonly reason: string; readonly retryInMs: number }
    /** Transfers whose outcome nobody told us in time: counted as spent. */
    | { readonly name: 'btp.client_unknown'; readonly count: number; readonly reason: string }
    /** `count` connections since the last report, the latest of them from `address`. */
    | {
        readonly name: 'btp.listener_refused'
        readonly reason: string
        readonly address: string
        readonly count: number
      }
    | { readonly name: 'btp.listener_failed'; readonly error: unknown }
  )
