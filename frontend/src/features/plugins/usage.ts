import type { PluginInfo } from '../../api/types'

const blanks = (signature: string): string => {
  const inside = signature.slice(signature.indexOf('(') + 1, signature.indexOf(')'))
  return inside === '' ? '' : inside.split(', ').map((p) => p.split(' ')[0]).join(', ')
}

/** What to write to use a plugin: a line for each kind that it has. */
export function usage(p: Pick<PluginInfo, 'name' | 'kind' | 'functions'>): string[] {
  const kinds = p.kind.split(', ')
  const out: string[] = []
  if (kinds.includes('transform')) out.push(`transforms: [${p.name}]`)
  if (kinds.includes('decoder')) out.push(`format: ${p.name}`)
  for (const f of p.functions) if (f.kind === 'function') out.push(`SELECT ${f.name}(${blanks(f.signature)})`)
  return out
}
