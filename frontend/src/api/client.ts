import type { Problem } from './types'

/** A failure that the server told, in its words. */
export class ApiError extends Error {
  constructor(
    readonly problem: Problem,
    readonly problems: Problem[] = [problem],
    readonly status = 0,
  ) {
    super(problem.message)
  }
}

const base = '/api/v1'

export const token = (): string => sessionStorage.getItem('tidemark.token') ?? ''

/** Unreachable is the problem of a server that does not answer. */
export function unreachable(cause: unknown): ApiError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new ApiError({
    kind: 'unavailable',
    op: 'reach the program',
    message,
    hint: 'it may have been closed: start it again and this page goes on by itself',
    file: '',
    line: 0,
    column: 0,
  })
}

export interface Call {
  body?: unknown
  /** Sent as it is, instead of body. */
  raw?: string | Uint8Array<ArrayBuffer>
  query?: Record<string, string | number | boolean | null | undefined>
  accept?: string
  signal?: AbortSignal
}

/** request sends one call; its answer is a success. */
export async function request(method: string, path: string, call: Call = {}): Promise<Response> {
  const url = new URL(base + path, location.origin)
  for (const [k, v] of Object.entries(call.query ?? {})) if (v !== undefined && v !== null && v !== '') url.searchParams.set(k, String(v))
  const headers: Record<string, string> = { Authorization: 'Bearer ' + token(), Accept: call.accept ?? 'application/json' }
  let body: string | Uint8Array<ArrayBuffer> | undefined = call.raw
  if (call.raw !== undefined) headers['Content-Type'] = 'application/octet-stream'
  else if (call.body !== undefined) {
    headers['Content-Type'] = 'application/json'
    body = JSON.stringify(call.body)
  }
  let response: Response
  try {
    response = await fetch(url, { method, headers, body, signal: call.signal })
  } catch (e) {
    if (call.signal?.aborted || (e instanceof DOMException && e.name === 'AbortError')) throw e
    throw unreachable(e)
  }
  if (response.ok) return response
  throw await failure(response)
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text()
  try {
    const parsed = JSON.parse(text) as { error: Problem; problems?: Problem[] }
    if (parsed.error) return new ApiError(parsed.error, parsed.problems ?? [parsed.error], response.status)
  } catch {
    // not ours: told below
  }
  const hint = response.status === 401 ? 'open the address that tidemark printed when it started' : ''
  return new ApiError(
    { kind: 'internal', op: '', message: text.trim() || response.statusText, hint, file: '', line: 0, column: 0 },
    undefined,
    response.status,
  )
}

/** json sends one call and reads its JSON answer. */
export async function json<T>(method: string, path: string, call: Call = {}): Promise<T> {
  const response = await request(method, path, call)
  return (response.status === 204 ? undefined : await response.json()) as T
}


/** problemOf makes whatever was thrown into something to show. */
export function problemOf(e: unknown): Problem {
  if (e instanceof ApiError) return e.problem
  return { kind: 'internal', op: '', message: e instanceof Error ? e.message : String(e), hint: '', file: '', line: 0, column: 0 }
}

export const aborted = (e: unknown): boolean => e instanceof DOMException && e.name === 'AbortError'

/** ready tells the program that the page stands. */
export async function ready(): Promise<void> {
  try {
    await json('POST', '/ready', { body: {
      title: document.title,
      heading: document.querySelector('h1')?.textContent ?? '',
      user_agent: navigator.userAgent,
    } })
  } catch {
    // it is told by the connection's state
  }
}
