const calls = new WeakMap<Element, () => void>()
let observer: IntersectionObserver | null = null

/** seen calls once when an element comes near what is seen. */
export function seen(node: Element, call: () => void) {
  if (typeof IntersectionObserver === 'undefined') {
    call()
    return
  }
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const e of entries) {
        if (!e.isIntersecting) continue
        calls.get(e.target)?.()
        observer!.unobserve(e.target)
      }
    },
    { rootMargin: '500px 0px' },
  )
  calls.set(node, call)
  observer.observe(node)
  return { destroy: () => observer!.unobserve(node) }
}
