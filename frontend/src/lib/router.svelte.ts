/** The address: a path, and what a view keeps in the query. */
class Router {
  path = $state(location.pathname)
  query = $state(new URLSearchParams(location.search))

  constructor() {
    addEventListener('popstate', () => this.#read())
  }

  #read() {
    this.path = location.pathname
    this.query = new URLSearchParams(location.search)
  }

  /** go shows another page; Back returns. */
  go(to: string, how: 'push' | 'replace' = 'push') {
    if (to === location.pathname + location.search) return
    history[how === 'push' ? 'pushState' : 'replaceState'](null, '', to)
    this.#read()
  }

  /** set changes parameters of this page; null removes one. */
  set(values: Record<string, string | null>, how: 'push' | 'replace' = 'push') {
    const query = new URLSearchParams(location.search)
    for (const [k, v] of Object.entries(values)) {
      if (v === null || v === '') query.delete(k)
      else query.set(k, v)
    }
    const text = query.toString()
    this.go(location.pathname + (text ? '?' + text : ''), how)
  }

  /** rest is the path below a prefix, decoded: "a.md" of /notebooks/a.md. */
  rest(prefix: string): string {
    return this.path.startsWith(prefix + '/') ? decodeURIComponent(this.path.slice(prefix.length + 1)) : ''
  }
}

export const router = new Router()

/** link makes an anchor stay in the page. */
export function link(node: HTMLAnchorElement) {
  const click = (e: MouseEvent) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return
    e.preventDefault()
    router.go(node.pathname + node.search)
  }
  node.addEventListener('click', click)
  return { destroy: () => node.removeEventListener('click', click) }
}
