/**
 * The live connections of one plugin. A listener has many, all of one trustline; a frame goes to the connection that
 * its transfer belongs to, or to another one of the same user if that one has gone.
 */
import type { Session } from '@millstream/btp'

export interface Link {
  readonly session: Session
  /** Who authenticated: equal for connections of the same user name and token. */
  readonly user: string
  /** Empty credentials: anybody. What is unresolved when such a connection ends is not sent to another one later. */
  readonly isPassing: boolean
}

/** Where a transfer came from or went. After a restart only the user is known, or not even that. */
export interface Route {
  link: Link | undefined
  readonly user: string | undefined
}

export interface Links {
  add(link: Link): void
  remove(link: Link): void
  /** The newest that is open, of one user or of anybody. */
  newest(user?: string): Link | undefined
  all(): readonly Link[]
  /** Closes all of them. */
  close(code: number, reason: string): void
}

export function createLinks(): Links {
  const links = new Set<Link>()
  return {
    add: (link) => void links.add(link),
    remove: (link) => void links.delete(link),
    newest(user) {
      let found: Link | undefined
      for (const link of links) if (link.session.isOpen && (user === undefined || link.user === user)) found = link
      return found
    },
    all: () => [...links],
    close(code, reason) {
      for (const link of [...links]) link.session.close(code, reason)
      links.clear()
    },
  }
}
