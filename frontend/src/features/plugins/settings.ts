import { read, remove, set } from '../../lib/yamledit'

/** Field is one setting of a plugin, as its JSON Schema describes it. */
export interface Field {
  name: string
  /** kind says what to show for it; json is for what has no form of its own. */
  kind: 'boolean' | 'number' | 'integer' | 'text' | 'choice' | 'list' | 'json'
  says: string
  fallback: unknown
  choices: unknown[]
  least?: number
  most?: number
  required: boolean
}

interface Schema {
  type?: unknown
  enum?: unknown[]
  items?: Schema
  description?: string
  title?: string
  default?: unknown
  minimum?: number
  maximum?: number
  properties?: Record<string, Schema>
  required?: string[]
}

function kindOf(s: Schema): Field['kind'] {
  if (Array.isArray(s.enum)) return 'choice'
  switch (s.type) {
    case 'boolean':
    case 'number':
    case 'integer':
      return s.type
    case 'string':
      return 'text'
    case 'array':
      return s.items?.type === 'string' && !s.items.enum ? 'list' : 'json'
  }
  return 'json'
}

/** fields reads the settings out of a plugin's schema, in its order. */
export function fields(schema: unknown): Field[] {
  const s = (schema ?? {}) as Schema
  return Object.entries(s.properties ?? {}).map(([name, p]) => ({
    name,
    kind: kindOf(p),
    says: p.description ?? p.title ?? '',
    fallback: p.default,
    choices: p.enum ?? [],
    least: p.minimum,
    most: p.maximum,
    required: s.required?.includes(name) ?? false,
  }))
}

/** entered is the value of what was typed; undefined is the default, and an error what cannot be one. */
export function entered(f: Field, text: string): unknown {
  const t = text.trim()
  if (f.kind === 'list') {
    const items = text.split('\n').map((l) => l.trim()).filter(Boolean)
    return items.length ? items : undefined
  }
  if (t === '') return undefined
  switch (f.kind) {
    case 'boolean':
      return t === 'true'
    case 'number':
    case 'integer': {
      const n = Number(t)
      if (!Number.isFinite(n)) throw new Error(`${f.name}: ${t} is no number`)
      return n
    }
    case 'choice':
      return f.choices.find((c) => String(c) === t)
    case 'json':
      try {
        return JSON.parse(t)
      } catch {
        throw new Error(`${f.name}: it is not JSON`)
      }
  }
  return text
}

/** typed is a value as it stands in the form. */
export function typed(f: Field, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (f.kind === 'list' && Array.isArray(value)) return value.join('\n')
  if (f.kind === 'json') return JSON.stringify(value)
  return String(value)
}

/** configOf reads the config of a settings file; what is no mapping is none. */
export function configOf(text: string): Record<string, unknown> {
  const v = text.trim() ? read(text, ['config']) : undefined
  return v && typeof v === 'object' && !Array.isArray(v) ? (v as Record<string, unknown>) : {}
}

/** write puts settings into the file's text and leaves everything else as it is; undefined takes one out. */
export function write(text: string, values: Record<string, unknown>): string {
  const now = configOf(text)
  let out = text
  for (const [k, v] of Object.entries(values)) {
    if (JSON.stringify(now[k]) === JSON.stringify(v)) continue
    if (v !== undefined) out = set(out, ['config', k], v)
    else if (Object.keys(configOf(out)).length > 1) out = remove(out, ['config', k])
    else out = remove(out, ['config'])
  }
  return out
}
