/**
 * A small renderer of Markdown that builds elements and never reads HTML: what
 * looks like a tag is shown as text.
 */
const block = {
  fence: /^ {0,3}(`{3,}|~{3,})(.*)$/,
  heading: /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/,
  rule: /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/,
  quote: /^ {0,3}> ?(.*)$/,
  item: /^( {0,3})([-+*]|\d{1,9}[.)])([ \t]+|$)(.*)$/,
  row: /^ {0,3}\|?(.*?\|.*?)\|?[ \t]*$/,
  delimiter: /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/,
}

export interface Heading {
  level: number
  text: string
}

const make = (tag: string, ...children: (Node | string)[]): HTMLElement => {
  const e = document.createElement(tag)
  e.append(...children)
  return e
}

/** render builds the elements of a text. */
export function render(text: string, shown: (s: string) => string = (s) => s): DocumentFragment {
  const out = document.createDocumentFragment()
  out.append(...blocks(text.replaceAll('\r\n', '\n').split('\n'), shown, 0))
  return out
}

/** headings lists the headings of a text, for an outline. */
export function headings(text: string): Heading[] {
  const out: Heading[] = []
  let fence = ''
  for (const l of text.split('\n')) {
    const f = block.fence.exec(l)
    if (fence) {
      if (f && f[1]!.startsWith(fence) && !f[2]!.trim()) fence = ''
    } else if (f) fence = f[1]!
    else {
      const h = block.heading.exec(l)
      if (h?.[2]) out.push({ level: h[1]!.length, text: h[2].replace(/[`*_]|\[([^\]]*)\]\([^)]*\)/g, '$1') })
    }
  }
  return out
}

function blocks(lines: string[], shown: (s: string) => string, depth: number): Node[] {
  const out: Node[] = []
  let i = 0
  const starts = (l: string) => block.fence.test(l) || block.heading.test(l) || block.rule.test(l) || block.quote.test(l) || /^ {0,3}([-+*]|1[.)])[ \t]+\S/.test(l)
  while (i < lines.length) {
    const l = lines[i]!
    let m: RegExpExecArray | null
    if (l.trim() === '') i++
    else if (/^ {0,3}<!--/.test(l)) {
      // Comments are not shown.
      while (i < lines.length && !lines[i]!.includes('-->')) i++
      i++
    } else if ((m = block.fence.exec(l)) && !(m[1]![0] === '`' && m[2]!.includes('`'))) {
      const fence = m[1]!
      const code: string[] = []
      for (i++; i < lines.length; i++) {
        const t = lines[i]!.trim()
        if (t.length >= fence.length && [...t].every((c) => c === fence[0])) break
        code.push(lines[i]!)
      }
      i++
      out.push(make('pre', make('code', shown(code.join('\n')))))
    } else if ((m = block.heading.exec(l))) {
      // The page's own heading is the first level.
      const h = make('h' + Math.min(6, m[1]!.length + 1), ...inline(m[2] ?? '', shown))
      h.dataset.level = String(m[1]!.length)
      out.push(h)
      i++
    } else if (block.rule.test(l)) {
      out.push(make('hr'))
      i++
    } else if (block.quote.test(l) && depth < 12) {
      const inner: string[] = []
      while (i < lines.length && (m = block.quote.exec(lines[i]!))) {
        inner.push(m[1]!)
        i++
      }
      out.push(make('blockquote', ...blocks(inner, shown, depth + 1)))
    } else if ((m = block.item.exec(l)) && depth < 12) {
      const ordered = /\d/.test(m[2]!)
      const list = make(ordered ? 'ol' : 'ul')
      if (ordered && parseInt(m[2]!) !== 1) list.setAttribute('start', String(parseInt(m[2]!)))
      while (i < lines.length && (m = block.item.exec(lines[i]!)) && /\d/.test(m[2]!) === ordered && !block.rule.test(lines[i]!)) {
        const indent = m[1]!.length + m[2]!.length + Math.min(4, m[3]!.length || 1)
        const inner = [m[4]!]
        let loose = false
        for (i++; i < lines.length; i++) {
          const n = lines[i]!
          if (n.trim() === '') {
            if (!/^\s/.test(lines[i + 1] ?? '') ) break
            loose = true
            inner.push('')
          } else if (/^ */.exec(n)![0].length >= indent) inner.push(n.slice(indent))
          else if (block.item.test(n) || starts(n)) break
          else inner.push(n.trimStart())
        }
        const task = /^\[([ xX])\] (.*)$/s.exec(inner[0]!)
        if (task) inner[0] = (task[1] === ' ' ? '☐ ' : '☑ ') + task[2]
        const children = blocks(inner, shown, depth + 1)
        // A short item is not a paragraph.
        const first = children[0]
        if (!loose && first instanceof HTMLElement && first.tagName === 'P') children.splice(0, 1, ...first.childNodes)
        list.append(make('li', ...children))
        while (i < lines.length && lines[i]!.trim() === '' && block.item.test(lines[i + 1] ?? '')) i++
      }
      out.push(list)
    } else if (l.includes('|') && block.delimiter.test(lines[i + 1] ?? '') && lines[i + 1]!.includes('-')) {
      const sides = cells(lines[i + 1]!).map((c) => (/^:-+:$/.test(c) ? 'center' : /-:$/.test(c) ? 'right' : ''))
      const head = make('tr', ...cells(l).map((c) => make('th', ...inline(c, shown))))
      const body = make('tbody')
      for (i += 2; i < lines.length && lines[i]!.trim() !== '' && lines[i]!.includes('|'); i++) body.append(make('tr', ...cells(lines[i]!).map((c) => make('td', ...inline(c, shown)))))
      const table = make('table', make('thead', head), body)
      for (const tr of table.querySelectorAll('tr')) [...tr.children].forEach((c, k) => sides[k] && ((c as HTMLElement).style.textAlign = sides[k]!))
      out.push(make('div', table))
      ;(out.at(-1) as HTMLElement).className = 'wide'
    } else if (/^( {4}|\t)/.test(l)) {
      const code: string[] = []
      while (i < lines.length && (/^( {4}|\t)/.test(lines[i]!) || lines[i]!.trim() === '')) code.push(lines[i++]!.replace(/^( {4}|\t)/, ''))
      out.push(make('pre', make('code', shown(code.join('\n').trimEnd()))))
    } else {
      const para = [l.trim()]
      for (i++; i < lines.length && lines[i]!.trim() !== '' && !starts(lines[i]!); i++) {
        const under = /^ {0,3}(=+|-+)[ \t]*$/.exec(lines[i]!)
        if (under) break
        para.push(lines[i]!.replace(/^\s+/, ''))
      }
      const under = /^ {0,3}(=+|-+)[ \t]*$/.exec(lines[i] ?? '')
      if (under) {
        const h = make(under[1]![0] === '=' ? 'h2' : 'h3', ...inline(para.join('\n'), shown))
        out.push(h)
        i++
      } else out.push(make('p', ...inline(para.join('\n'), shown)))
    }
  }
  return out
}

function cells(line: string): string[] {
  const t = line.trim().replace(/^\|/, '').replace(/\|$/, '')
  const out = ['']
  let code = false
  for (let i = 0; i < t.length; i++) {
    if (t[i] === '\\' && t[i + 1] === '|') {
      out[out.length - 1] = out.at(-1)! + '|'
      i++
    } else if (t[i] === '|' && !code) out.push('')
    else {
      if (t[i] === '`') code = !code
      out[out.length - 1] = out.at(-1)! + t[i]!
    }
  }
  return out.map((c) => c.trim())
}

const punctuation = /[!-/:-@[-`{-~]/

/** inline builds what stands in a line. */
function inline(text: string, shown: (s: string) => string, depth = 0): Node[] {
  const out: Node[] = []
  let plain = ''
  const flush = () => {
    if (plain) out.push(document.createTextNode(shown(plain)))
    plain = ''
  }
  const put = (n: Node) => {
    flush()
    out.push(n)
  }
  for (let i = 0; i < text.length; ) {
    const rest = text.slice(i)
    let m: RegExpExecArray | null
    if (text[i] === '\\' && punctuation.test(text[i + 1] ?? '')) {
      plain += text[i + 1]
      i += 2
    } else if ((text[i] === '\\' && text[i + 1] === '\n') || /^ {2,}\n/.test(rest)) {
      put(make('br'))
      i = text.indexOf('\n', i) + 1
    } else if ((m = /^(`+)(?!`)/.exec(rest))) {
      const mark = m[1]!
      const end = new RegExp('(?<!`)' + mark + '(?!`)').exec(rest.slice(mark.length))
      if (!end) {
        plain += mark
        i += mark.length
        continue
      }
      let code = rest.slice(mark.length, mark.length + end.index).replaceAll('\n', ' ')
      if (/^ .* $/.test(code) && code.trim()) code = code.slice(1, -1)
      put(make('code', shown(code)))
      i += mark.length * 2 + end.index
    } else if (depth < 6 && (m = /^(\*\*|__)(?=\S)([\s\S]*?\S)\1/.exec(rest)) && !(m[1] === '__' && /\w/.test(text[i - 1] ?? ''))) {
      put(make('strong', ...inline(m[2]!, shown, depth + 1)))
      i += m[0].length
    } else if (depth < 6 && (m = /^~~(?=\S)([\s\S]*?\S)~~/.exec(rest))) {
      put(make('del', ...inline(m[1]!, shown, depth + 1)))
      i += m[0].length
    } else if (depth < 6 && (m = /^([*_])(?=[^\s*_])((?:[\s\S]*?[^\s\\])?)\1(?!\w)/.exec(rest)) && m[2] && !(m[1] === '_' && /\w/.test(text[i - 1] ?? ''))) {
      put(make('em', ...inline(m[2], shown, depth + 1)))
      i += m[0].length
    } else if (depth < 6 && (m = /^!?\[((?:[^[\]\\]|\\.)*)\]\(\s*<?([^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*)>?(?:\s+"[^"]*")?\s*\)/.exec(rest))) {
      if (rest[0] === '!') put(make('em', shown(m[1] || 'picture')))
      else put(anchor(m[2]!, inline(m[1]!, shown, depth + 1)))
      i += m[0].length
    } else if ((m = /^<(https?:\/\/[^\s<>]+|mailto:[^\s<>]+)>/.exec(rest))) {
      put(anchor(m[1]!, [document.createTextNode(shown(m[1]!))]))
      i += m[0].length
    } else if ((m = /^https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]]/.exec(rest)) && !/\w/.test(text[i - 1] ?? '')) {
      put(anchor(m[0], [document.createTextNode(shown(m[0]))]))
      i += m[0].length
    } else {
      plain += text[i]
      i++
    }
  }
  flush()
  return out
}

const places: [RegExp, string][] = [
  [/^(?:\.\/|\.\.\/)?(?:notebooks\/)?([\w./-]+\.md)$/, '/notebooks/'],
  [/^(?:\.\/|\.\.\/)?dashboards\/([\w./-]+\.yaml)$/, '/dashboards/'],
  [/^(?:\.\/|\.\.\/)?rules\/([\w./-]+\.yaml)$/, '/rules/'],
]

/** placeOf is where a link to a file of the workspace leads in the page; empty if it leads to none. */
export function placeOf(href: string): string {
  for (const [form, path] of places) {
    const m = form.exec(href)
    if (m && !m[1]!.includes('..')) return path + m[1]!
  }
  return ''
}

/** anchor links only to the web and to files of the workspace. */
function anchor(href: string, children: Node[]): HTMLElement {
  const a = make('a', ...children) as HTMLAnchorElement
  if (/^(https?:\/\/|mailto:)/i.test(href)) {
    a.href = href
    a.target = '_blank'
    a.rel = 'noopener noreferrer'
    return a
  }
  const place = placeOf(href)
  if (!place) return make('span', ...children)
  a.href = place
  return a
}

/** withoutRemote replaces pictures that would be fetched by their text: opening a notebook contacts nobody. */
export function withoutRemote(html: string): string {
  const d = new DOMParser().parseFromString(html, 'text/html') // fetches and runs nothing
  for (const picture of d.querySelectorAll('img'))
    if (!picture.getAttribute('src')?.startsWith('data:image/')) picture.replaceWith(make('em', picture.alt || 'picture'))
  return d.body.innerHTML
}
