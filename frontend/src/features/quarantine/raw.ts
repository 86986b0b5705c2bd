/** bytesOf are the bytes of an entry, however they were sent. */
export function bytesOf(raw: string, base64: boolean): Uint8Array {
  if (!base64) return new TextEncoder().encode(raw)
  const text = atob(raw)
  const out = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i)
  return out
}

/** textOf reads bytes as text; what is none becomes U+FFFD. */
export const textOf = (raw: string, base64: boolean): string => (base64 ? new TextDecoder().decode(bytesOf(raw, true)) : raw)

/** hexLines writes bytes sixteen a line: offset, hex, characters. */
export function hexLines(bytes: Uint8Array, from: number, lines: number): string {
  const out: string[] = []
  for (let at = from; at < bytes.length && out.length < lines; at += 16) {
    const row = bytes.subarray(at, at + 16)
    let hex = ''
    let text = ''
    for (let i = 0; i < 16; i++) {
      const b = row[i]
      hex += (b === undefined ? '  ' : b.toString(16).padStart(2, '0')) + (i === 7 ? '  ' : ' ')
      if (b !== undefined) text += b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '.'
    }
    out.push(`${at.toString(16).padStart(8, '0')}  ${hex} ${text}`)
  }
  return out.join('\n')
}

/** Replayed is what became of entries that went through the pipeline once more. */
export type Replayed = { replayed: number; records: number; quarantined: number; dropped: number; duplicates: number; refetch: string[] }

/** report says what a replay did. */
export function report(r: Replayed): string {
  const n = (x: number, one: string, many: string) => `${x.toLocaleString('en-US')} ${x === 1 ? one : many}`
  const parts = [`${n(r.replayed, 'entry', 'entries')} replayed`, `${n(r.records, 'record', 'records')} stored`]
  if (r.quarantined) parts.push(`${r.quarantined.toLocaleString('en-US')} in quarantine again`)
  if (r.duplicates) parts.push(`${r.duplicates.toLocaleString('en-US')} were there already`)
  if (r.dropped) parts.push(`${r.dropped.toLocaleString('en-US')} dropped`)
  if (r.refetch.length) parts.push(`${n(r.refetch.length, 'object', 'objects')} to be read again by the next pull`)
  return parts.join(', ')
}
