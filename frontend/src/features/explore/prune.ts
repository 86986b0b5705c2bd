/** prune leaves out what has no value, and what then is empty. */
export function prune(v: unknown): unknown {
  if (Array.isArray(v)) return v.map((x) => prune(x) ?? null)
  if (v === null || typeof v !== 'object') return v
  const out: Record<string, unknown> = {}
  for (const [k, x] of Object.entries(v)) {
    if (x === null) continue
    const kept = prune(x)
    if (kept !== null && !(typeof kept === 'object' && !Array.isArray(kept) && Object.keys(kept as object).length === 0 && Object.keys(x as object).length > 0)) out[k] = kept
  }
  return out
}
