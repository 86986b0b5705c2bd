// Makes src/api/operations.ts from src/api/openapi.json: one typed function
// for each operation. Run by npm run api.
import { readFileSync, writeFileSync } from 'node:fs'

const api = JSON.parse(readFileSync(new URL('../src/api/openapi.json', import.meta.url), 'utf8'))
const lines = [
  '// Made from openapi.json by npm run api: one function for each operation.',
  "import { operation } from './call'",
  '',
]
const found = []
for (const [path, methods] of Object.entries(api.paths))
  for (const [method, op] of Object.entries(methods)) {
    const types = Object.keys(op.responses['200']?.content ?? {})
    if (types.length && !types.includes('application/json')) continue // streams are read by hand
    found.push({ id: op.operationId, line: `/** ${op.summary}. */\nexport const ${op.operationId} = operation<'${op.operationId}'>('${method.toUpperCase()}', '${path.replace('/api/v1', '')}')\n` })
  }
found.sort((a, b) => a.id.localeCompare(b.id, 'en'))
for (const f of found) lines.push(f.line)
writeFileSync(new URL('../src/api/operations.ts', import.meta.url), lines.join('\n').trimEnd() + '\n')
