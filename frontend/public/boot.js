// Runs before everything else, and without it.
// Some systems call the language "C", which Intl refuses.
try {
  new Intl.NumberFormat(navigator.language)
} catch {
  Object.defineProperty(navigator, 'language', { get: () => 'en-US' })
  Object.defineProperty(navigator, 'languages', { get: () => ['en-US'] })
}

// The token comes in the address once, and leaves it at once. Where the page
// is open already, an address with another one begins anew.
;(() => {
  const take = () => {
    const found = /[#&]k=([^&]+)/.exec(location.hash)
    if (!found) return false
    sessionStorage.setItem('tidemark.token', found[1])
    history.replaceState(null, '', location.pathname + location.search)
    return true
  }
  take()
  addEventListener('hashchange', () => take() && location.reload())
})()

// The theme is set before anything is painted.
;(() => {
  const theme = localStorage.getItem('tidemark.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
})()

// What breaks before the page stands is told to the program that serves it.
;(() => {
  let told = 0
  const tell = (message, stack, where) => {
    if (told++ >= 10) return
    fetch('/api/v1/client-error', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: 'Bearer ' + sessionStorage.getItem('tidemark.token') },
      body: JSON.stringify({ message: String(message), stack: String(stack || ''), where: String(where || '') }),
    }).catch(() => {})
  }
  addEventListener('error', (e) => tell(e.message, e.error && e.error.stack, e.filename + ':' + e.lineno))
  addEventListener('unhandledrejection', (e) => tell(e.reason, e.reason && e.reason.stack, 'promise'))
})()
