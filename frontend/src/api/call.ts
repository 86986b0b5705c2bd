import { json } from './client'
import type { operations } from './schema'

type Shape = { parameters: { query?: unknown; path?: unknown }; requestBody?: unknown; responses: unknown }
type Some<T> = [NonNullable<T>] extends [never] ? unknown : NonNullable<T>
type Body<T> = [NonNullable<T>] extends [never] ? unknown : NonNullable<T> extends { content: { 'application/json': infer B } } ? { body: B } : unknown

/** Input is what an operation takes: path and query parameters side by side, and its body. */
export type Input<K extends keyof operations> = operations[K] extends infer O extends Shape
  ? Some<O['parameters']['path']> & Some<O['parameters']['query']> & Body<O['requestBody']>
  : never

/** Output is what it answers. */
export type Output<K extends keyof operations> = operations[K] extends { responses: { 200: { content: { 'application/json': infer B } } } } ? B : undefined

type Given = Record<string, string | number | boolean | undefined> & { body?: unknown }

/** operation makes the function of one operation of the API. */
export function operation<K extends keyof operations>(method: string, path: string) {
  return (input: Input<K>, signal?: AbortSignal): Promise<Output<K>> => {
    const { body, ...rest } = { ...(input as Given) }
    const used = new Set<string>()
    const full = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      used.add(name)
      return encodeURIComponent(String(rest[name]))
    })
    const query = Object.fromEntries(Object.entries(rest).filter(([k]) => !used.has(k)))
    return json<Output<K>>(method, full, { body, query, signal })
  }
}
