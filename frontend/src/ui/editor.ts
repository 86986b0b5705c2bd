import { autocompletion, closeBrackets, closeCompletion, currentCompletions, closeBracketsKeymap, completionKeymap, type Completion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { markdown } from '@codemirror/lang-markdown'
import { PostgreSQL, SQLDialect, sql } from '@codemirror/lang-sql'
import { yaml } from '@codemirror/lang-yaml'
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting, syntaxTree } from '@codemirror/language'
import { lintGutter, setDiagnostics, type Diagnostic } from '@codemirror/lint'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, Prec, StateEffect, StateField } from '@codemirror/state'
import { Decoration, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers, WidgetType, type DecorationSet } from '@codemirror/view'
import { tags } from '@lezer/highlight'

import type { Catalog, Problem } from '../api/types'
import { calls } from './alias'

export interface Options {
  text: string
  language: 'sql' | 'yaml' | 'markdown'
  label: string
  readonly: boolean
  fill: boolean
  onchange: (text: string) => void
  onrun: (next: boolean) => void
  onsave: () => void
}

/** Note is what is said behind a line. */
export interface Note {
  line: number
  text: string
}

export interface Editor {
  setText(text: string): void
  setProblems(problems: Problem[], firstLine: number): void
  setNotes(notes: Note[]): void
  setCatalog(catalog: Catalog | null, names: string[]): void
  focus(line?: number, all?: boolean): void
  insert(text: string): void
  destroy(): void
}

const DuckDB = SQLDialect.define({
  keywords:
    PostgreSQL.spec.keywords +
    ' qualify asof positional anti semi pivot unpivot summarize describe show columns exclude replace sample using tablesample list struct map try_cast ilike glob',
  types: PostgreSQL.spec.types + ' tinyint hugeint uhugeint ubigint uinteger usmallint utinyint double varchar timestamptz timestamp_ns json uuid blob struct map union',
  operatorChars: '+-*/<>=~!@%^&|`?',
  specialVar: '$',
})

const look = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: 'var(--code-keyword)', fontWeight: '500' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-number)' },
  { tag: [tags.comment], color: 'var(--code-comment)', fontStyle: 'italic' },
  { tag: [tags.typeName, tags.special(tags.name)], color: 'var(--code-type)' },
  { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.function(tags.variableName)], color: 'var(--code-function)' },
  { tag: tags.heading, fontWeight: '600', color: 'var(--text)' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: tags.strong, fontWeight: '600' },
  { tag: tags.link, color: 'var(--accent)' },
  { tag: tags.monospace, color: 'var(--code-string)' },
])

class NoteWidget extends WidgetType {
  constructor(readonly text: string) {
    super()
  }
  override eq(other: NoteWidget) {
    return other.text === this.text
  }
  toDOM() {
    const note = document.createElement('span')
    note.className = 'cm-note'
    note.textContent = this.text
    return note
  }
}

const setNotes = StateEffect.define<Note[]>()

/** notes go with their lines while the text is changed, until others come. */
const notes = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(set, t) {
    set = set.map(t.changes)
    for (const e of t.effects) {
      if (!e.is(setNotes)) continue
      const known = e.value.filter((n) => n.line >= 1 && n.line <= t.state.doc.lines)
      set = Decoration.set(
        known.map((n) => Decoration.widget({ widget: new NoteWidget(n.text), side: 1 }).range(t.state.doc.line(n.line).to)),
        true,
      )
    }
    return set
  },
  provide: (field) => EditorView.decorations.from(field),
})

const theme = (fill: boolean) =>
  EditorView.theme({
    '&': { fontSize: '12.5px', backgroundColor: 'transparent', color: 'var(--text)', ...(fill ? { height: '100%' } : {}) },
    '&.cm-focused': { outline: 'none' },
    '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5' },
    '.cm-content': { padding: '6px 0', caretColor: 'var(--accent)' },
    '.cm-cursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
    '.cm-gutters': { backgroundColor: 'transparent', border: 'none', color: 'var(--text-3)', fontSize: '11px' },
    '.cm-activeLine': { backgroundColor: 'transparent' },
    '&.cm-focused .cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--surface-2) 50%, transparent)' },
    '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--text)' },
    '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--select)' },
    '.cm-matchingBracket': { backgroundColor: 'var(--surface-3)', outline: 'none' },
    '.cm-tooltip': { backgroundColor: 'var(--raised)', border: '1px solid var(--line)', borderRadius: '5px', boxShadow: 'var(--shadow)', color: 'var(--text)' },
    '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '12px', maxHeight: '16em' },
    '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--accent-text)' },
    '.cm-completionDetail': { color: 'var(--text-3)', fontStyle: 'normal', marginLeft: '10px' },
    '[aria-selected] .cm-completionDetail': { color: 'inherit' },
    '.cm-note': { color: 'var(--text-3)', marginLeft: '2ch', fontStyle: 'italic', userSelect: 'none' },
    '.cm-panels': { backgroundColor: 'var(--surface-1)', color: 'var(--text)', borderColor: 'var(--line)' },
    '.cm-searchMatch': { backgroundColor: 'var(--warn-wash)', outline: '1px solid var(--warn)' },
    '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--alarm) 1px', textUnderlineOffset: '3px' },
    '.cm-diagnostic-error': { borderLeftColor: 'var(--alarm)' },
    '.cm-lint-marker-error': { content: '"●"', color: 'var(--alarm)' },
  })

/** createEditor puts an editor into an element. */
export function createEditor(host: HTMLElement, o: Options): Editor {
  const completion = new Compartment()
  let quiet = false
  const language = o.language === 'sql' ? sql({ dialect: DuckDB, upperCaseKeywords: false }) : o.language === 'yaml' ? yaml() : markdown()
  const view = new EditorView({
    parent: host,
    state: EditorState.create({
      doc: o.text,
      extensions: [
        lineNumbers(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        highlightSelectionMatches(),
        search({ top: true }),
        lintGutter(),
        notes,
        language,
        syntaxHighlighting(look),
        theme(o.fill),
        completion.of([]),
        EditorState.readOnly.of(o.readonly),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': o.label, tabindex: '0' }),
        Prec.highest(
          keymap.of([
            { key: 'Mod-Enter', run: () => (o.onrun(false), true) },
            { key: 'Shift-Enter', run: () => (o.onrun(true), true) },
            { key: 'Mod-s', run: () => (o.onsave(), true) },
            // Escape leaves the editor, so that Tab is no trap.
            { key: 'Escape', run: (v) => (currentCompletions(v.state).length ? closeCompletion(v) : (v.contentDOM.blur(), true)) },
          ]),
        ),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab]),
        EditorView.updateListener.of((u) => {
          if (u.docChanged && !quiet) o.onchange(u.state.doc.toString())
        }),
      ],
    }),
  })
  return {
    setText(text) {
      if (text === view.state.doc.toString()) return
      quiet = true
      // Only the middle that differs, so that the cursor stays where it was.
      const old = view.state.doc.toString()
      let a = 0
      while (a < old.length && a < text.length && old[a] === text[a]) a++
      let z = 0
      while (z < old.length - a && z < text.length - a && old[old.length - 1 - z] === text[text.length - 1 - z]) z++
      view.dispatch({ changes: { from: a, to: old.length - z, insert: text.slice(a, text.length - z) } })
      quiet = false
    },
    setProblems(problems, firstLine) {
      const marks: Diagnostic[] = []
      for (const p of problems) {
        const n = p.line - firstLine + 1
        if (p.line < 1 || n < 1 || n > view.state.doc.lines) continue
        const line = view.state.doc.line(n)
        const from = Math.min(line.to, line.from + Math.max(0, p.column - 1))
        const word = /^[\w.$]+/.exec(view.state.sliceDoc(from, line.to))
        marks.push({ from, to: Math.max(from, Math.min(line.to, from + (word?.[0].length ?? 1))), severity: 'error', message: p.message + (p.hint ? `\n${p.hint}` : '') })
      }
      view.dispatch(setDiagnostics(view.state, marks))
    },
    setNotes(list) {
      view.dispatch({ effects: setNotes.of(list) })
    },
    setCatalog(catalog, names) {
      const sources = o.language === 'sql' && catalog ? [complete(catalog, names)] : o.language === 'yaml' && names.length ? [words(names)] : null
      view.dispatch({ effects: completion.reconfigure(sources ? autocompletion({ override: sources, icons: false, defaultKeymap: false }) : []) })
    },
    focus(line, all) {
      view.focus()
      if (all) view.dispatch({ selection: { anchor: 0, head: view.state.doc.length } })
      if (line) {
        const at = view.state.doc.line(Math.max(1, Math.min(view.state.doc.lines, line)))
        view.dispatch({ selection: { anchor: at.from }, effects: EditorView.scrollIntoView(at.from, { y: 'center' }) })
      }
    },
    insert(text) {
      view.dispatch(view.state.replaceSelection(text))
      view.focus()
    },
    destroy: () => view.destroy(),
  }
}

/** words offers names as they are; nothing inside comments. */
function words(names: string[]) {
  const options = names.map((n): Completion => (n.endsWith(':') ? { label: n, apply: n + ' ', type: 'keyword', boost: 2 } : n.endsWith('(') ? { label: n, type: 'function' } : { label: n, type: 'property' }))
  return (context: CompletionContext): CompletionResult | null => {
    if (/Comment/.test(syntaxTree(context.state).resolveInner(context.pos, -1).name)) return null
    const word = context.matchBefore(/[\w.]+$/)
    return word || context.explicit ? { from: word?.from ?? context.pos, options, validFor: /^[\w.]*$/ } : null
  }
}

/** complete offers columns of the tables that the statement names first, then tables, functions and words. */
function complete(catalog: Catalog, names: string[]) {
  const tables: Completion[] = catalog.tables.map((t) => ({ label: t.name, type: 'table', detail: `${t.columns.length} columns`, boost: t.kind === 'dataset' ? 3 : 0 }))
  const functions: Completion[] = catalog.functions.map((f) => ({ label: f.name, apply: f.name + '(', type: 'function', detail: f.signature.slice(f.name.length), info: f.doc || undefined }))
  const words: Completion[] = catalog.keywords.map((k) => ({ label: k, type: 'keyword', boost: -1 }))
  const own: Completion[] = names.map((n) => ({ label: n, type: 'variable', boost: 4, detail: n.startsWith('$') ? 'parameter' : 'cell' }))
  return (context: CompletionContext): CompletionResult | null => {
    const inside = syntaxTree(context.state).resolveInner(context.pos, -1).name
    if (/String|Comment/.test(inside)) return null
    const word = context.matchBefore(/\$?[\w."]*$/)
    if (!word || (word.from === word.to && !context.explicit)) return null
    const statement = context.state.doc.toString()
    const text = statement.toLowerCase()
    const near = catalog.tables.filter((t) => new RegExp(`\\b${t.name.toLowerCase().replace(/[^\w]/g, '\\$&')}\\b`).test(text))
    const from = near.length ? near : catalog.tables.filter((t) => t.kind === 'dataset')
    const columns = new Map<string, Completion>()
    const dot = word.text.lastIndexOf('.')
    const prefix = dot < 0 ? '' : word.text.slice(0, dot + 1)
    const called = prefix.slice(0, prefix.indexOf('.'))
    for (const t of from)
      for (const c of t.columns) {
        // After "body." the members of body; after "t." the columns of t, or of the table that is called t.
        const path = called && calls(t.name, statement).has(called.toLowerCase()) ? called + '.' + c.path : c.path
        if (prefix && !path.toLowerCase().startsWith(prefix.toLowerCase())) continue
        columns.set(path, { label: path, type: 'property', detail: c.type.length > 28 ? c.type.slice(0, 26) + '…' : c.type, boost: 5 - path.split('.').length })
      }
    if (!prefix)
      // "lat" finds body.latency_ms too.
      for (const t of from) for (const c of t.columns) if (c.path.includes('.') && !columns.has(c.name)) columns.set('~' + c.path, { label: c.name, apply: c.path, type: 'property', detail: c.path, boost: -2 })
    return { from: word.from, options: prefix ? [...columns.values()] : [...own, ...columns.values(), ...tables, ...functions, ...words], validFor: /^\$?[\w."]*$/ }
  }
}
