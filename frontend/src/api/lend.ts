// A link in a mail opens a tab that knows no token: only the address that was printed bears it. A tab of the same
// browser where the app is open lends its own. Other origins hear nothing of this, and nothing is kept.
import { token } from './client'

type Said = { asks: true } | { token: string }

/** borrow waits a moment for the token of another tab; false is that there is none. */
export function borrow(patience = 600): Promise<boolean> {
  if (token()) return Promise.resolve(true)
  const others = new BroadcastChannel('tidemark')
  return new Promise<boolean>((resolve) => {
    const done = (has: boolean) => (others.close(), clearTimeout(limit), resolve(has))
    const limit = setTimeout(() => done(false), patience)
    others.onmessage = (e: MessageEvent<Said>) => {
      if (!('token' in e.data)) return
      sessionStorage.setItem('tidemark.token', e.data.token)
      done(true)
    }
    others.postMessage({ asks: true } satisfies Said)
  })
}

/** lend gives the token to tabs that ask for it, while it is worth something, and to those that have waited for it. */
export function lend(worth: () => boolean, waited: () => void): () => void {
  const others = new BroadcastChannel('tidemark')
  others.onmessage = (e: MessageEvent<Said>) => {
    if ('asks' in e.data) {
      if (token() && worth()) others.postMessage({ token: token() } satisfies Said)
    } else if (!token()) {
      sessionStorage.setItem('tidemark.token', e.data.token)
      waited()
    }
  }
  if (token()) others.postMessage({ token: token() } satisfies Said)
  return () => others.close()
}
