// What may follow a table and is no other name of it.
const follows = /^(anti|as|asof|cross|except|full|group|having|inner|intersect|join|left|limit|natural|offset|on|order|pivot|positional|qualify|right|sample|select|semi|set|tablesample|union|unpivot|using|where|window)$/

/** calls gives the names by which a statement calls a table, in small letters: its own, and what it is called in FROM and JOIN. */
export function calls(table: string, statement: string): Set<string> {
  const out = new Set([table.toLowerCase()])
  const plain = statement.replace(/--.*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, ' ')
  const name = `"?${table.replace(/[^\w]/g, '\\$&')}"?`
  for (const m of plain.matchAll(new RegExp(`\\b(?:from|join)\\s+${name}\\s+(?:as\\s+)?"?([a-z_]\\w*)|,\\s*${name}\\s+(?:as\\s+)?"?([a-z_]\\w*)|\\b([a-z_]\\w*)\\s*:\\s*${name}(?!\\w)`, 'gi'))) {
    const called = (m[1] ?? m[2] ?? m[3])!.toLowerCase()
    if (!follows.test(called)) out.add(called)
  }
  return out
}
