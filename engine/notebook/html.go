package notebook

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// HTML writes a result as one page that needs nothing else.
func HTML(r *Result) []byte {
	var b bytes.Buffer
	title := r.Title
	if title == "" {
		title = r.File
	}
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"+
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>%s</title><style>%s</style></head><body><main>\n", text(title), style)
	fmt.Fprintf(&b, "<header><h1>%s</h1><p>%s to %s UTC%s</p></header>\n", text(title), stamp(r.From), stamp(r.To), text(paramText(r)))
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	for i, c := range r.Cells {
		if c.LeftOut == "" {
			htmlCell(&b, md, c)
		} else if r.firstLeftOut(i) {
			fmt.Fprintf(&b, "<p class=\"note\">left out: %s</p>\n", text(c.LeftOut))
		}
	}
	fmt.Fprintf(&b, "<footer>%s</footer></main></body></html>\n", text(r.File))
	return b.Bytes()
}

// MarkdownHTML writes the text of a Markdown cell as HTML. Tags that stand in
// the text, and links that would run something, are left out.
func MarkdownHTML(src string) string {
	var b bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert([]byte(src), &b); err != nil {
		return "<pre>" + text(src) + "</pre>"
	}
	return b.String()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func paramText(r *Result) string {
	var b strings.Builder
	if r.Notebook == nil {
		return ""
	}
	for _, p := range r.Notebook.Params {
		fmt.Fprintf(&b, " · %s = %s", p.Name, show(r.Params[p.Name]))
	}
	return b.String()
}

func htmlCell(b *bytes.Buffer, md goldmark.Markdown, c CellResult) {
	switch c.Kind {
	case Markdown:
		if c.Text = unmarked(c.Text); c.Text == "" {
			return
		}
		b.WriteString("<section>")
		if err := md.Convert([]byte(c.Text), b); err != nil {
			fmt.Fprintf(b, "<pre>%s</pre>", text(c.Text))
		}
		b.WriteString("</section>\n")
		return
	case ChartKind:
		if c.Error == "" && c.Table != nil {
			b.WriteString(SVG(c.Chart, c.Table) + "\n")
			if c.Table.More {
				fmt.Fprintf(b, "<p class=\"note\">drawn from the first %s rows; the cell %s has more</p>\n", grouped(MaxRows), text(c.Chart.Data))
			}
		}
	default:
		name := c.Name
		if name == "" {
			name = string(c.Kind)
		}
		fmt.Fprintf(b, "<section class=\"cell %s\"><details><summary>%s</summary><pre>%s</pre></details>", c.Kind, text(name), text(c.Text))
		switch {
		case c.Kind == Check && c.Error == "" && !c.Failed:
			b.WriteString("<p class=\"pass\">✓ the check passed</p>")
		case c.Table != nil:
			if c.Failed && c.Error == "" {
				fmt.Fprintf(b, "<p class=\"error\">%s</p>", text(foundText(c)))
			}
			htmlTable(b, c.Table)
		case c.Backtest != nil:
			htmlBacktest(b, c.Backtest)
		}
		b.WriteString("</section>\n")
	}
	if c.Error != "" {
		fmt.Fprintf(b, "<p class=\"error\">%s</p>\n", text(c.Error))
	}
}

func htmlTable(b *bytes.Buffer, t *Table) {
	shown := min(len(t.Rows), shownRows)
	b.WriteString("<div class=\"rows\"><div class=\"scroll\"><table><thead><tr>")
	for _, col := range t.Columns {
		attributes := " title=\"" + text(col.Type) + "\""
		switch {
		case numericType(col.Type):
			attributes = " class=\"n\"" + attributes
		case col.Type == pairsType:
			attributes = ""
		}
		fmt.Fprintf(b, "<th%s>%s</th>", attributes, text(col.Name))
	}
	b.WriteString("</tr></thead><tbody>")
	for _, row := range t.Rows[:shown] {
		b.WriteString("<tr>")
		for i, v := range row {
			htmlValue(b, t.Columns[i].Type, v)
		}
		b.WriteString("</tr>")
	}
	fmt.Fprintf(b, "</tbody></table></div><p class=\"count\">%s", text(count(t)))
	if shown > foldedRows {
		fmt.Fprintf(b, "<label><input type=\"checkbox\"> show all %d rows</label>", shown)
	}
	b.WriteString("</p></div>")
}

// htmlValue writes a value as it is read; where that is not all of it, the
// exact one is its title.
func htmlValue(b *bytes.Buffer, kind string, v any) {
	exact, short, class := show(v), readable(v), ""
	switch {
	case v == nil:
		short, class = "null", "null"
	case numericType(kind):
		class = "n"
	case kind == pairsType:
		short = readablePairs(exact)
	case strings.HasPrefix(kind, "TIMESTAMP"):
		class = "t"
	default:
		short = exact
	}
	b.WriteString("<td")
	if class != "" {
		fmt.Fprintf(b, " class=\"%s\"", class)
	}
	if v != nil && short != exact {
		fmt.Fprintf(b, " title=\"%s\"", text(exact))
	}
	fmt.Fprintf(b, ">%s</td>", text(short))
}

func htmlBacktest(b *bytes.Buffer, r *Backtest) {
	fmt.Fprintf(b, "<p>%s: %s in %s windows of %s records</p>", text(r.Rule), r.episodes(), grouped(float64(r.Windows)), grouped(float64(r.Records)))
	if len(r.Episodes) > 0 {
		htmlTable(b, episodes(r))
	}
}

// text escapes a value for HTML, and makes visible what could hide or
// reorder it.
func text(s string) string { return html.EscapeString(visible(s)) }

// night are the colours of a dark page: of who prefers them, and of a page
// that shows this one within itself and says data-theme.
const night = `--bg:#12171d;--fg:#dfe5ea;--dim:#8d99a6;--line:#28313a;--card:#182028;--accent:#6fb2ef;--bad:#ff8a80;--good:#6fd0a2`

const style = `:root{color-scheme:light dark;--bg:#fbfbf9;--fg:#1d2733;--dim:#687483;--line:#e1e4e6;--card:#fff;--accent:#1b6fb8;--bad:#b3261e;--good:#1d7a4f}
@media(prefers-color-scheme:dark){:root:not([data-theme=light]){` + night + `}}:root[data-theme=light]{color-scheme:light}:root[data-theme=dark]{color-scheme:dark;` + night + `}
:root[data-within] body{background:none;overflow:hidden}:root[data-within] main{max-width:none;margin:0;padding:0 1px 8px}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:14px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:980px;margin:0 auto;padding:28px 20px 60px}header{border-bottom:1px solid var(--line);margin-bottom:18px}
h1{font-size:24px;line-height:1.25;margin:0 0 4px;letter-spacing:-.01em}h2{font-size:18px;margin:28px 0 6px}h3{font-size:15px;margin:20px 0 4px}
header p,footer,.count,.zone{color:var(--dim)}header p{margin:0 0 12px}footer{margin-top:40px;font-size:12px}
a{color:var(--accent)}code,pre,td,th summary{font-feature-settings:"tnum"}code{font:12.5px ui-monospace,Menlo,Consolas,monospace;background:var(--line);padding:1px 4px;border-radius:3px}
pre{font:12.5px/1.5 ui-monospace,Menlo,Consolas,monospace;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px 12px;overflow:auto;margin:6px 0}pre code{background:none;padding:0}
.cell{margin:14px 0}summary{color:var(--dim);font:12px ui-monospace,Menlo,Consolas,monospace;cursor:pointer}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px;background:var(--card);margin-top:4px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}
th,td{padding:4px 10px;text-align:left;border-bottom:1px solid var(--line);vertical-align:top;white-space:pre-wrap;max-width:520px;overflow-wrap:break-word}
th{position:sticky;top:0;background:var(--card);font-weight:600;white-space:nowrap}tbody tr:last-child td{border-bottom:0}.n{text-align:right;white-space:nowrap}.null{color:var(--dim);font-style:italic}
.count label{margin-left:14px;color:var(--accent);cursor:pointer}.count input{margin:0 4px 0 0;vertical-align:-2px}.t{white-space:nowrap}
@media screen{.rows:has(input:not(:checked)) tbody tr:nth-child(n+13){display:none}}
.count{font-size:12px;margin:4px 2px}.pass{color:var(--good);margin:4px 0}.error{color:var(--bad);border-left:3px solid var(--bad);padding:6px 12px;background:var(--card);white-space:pre-wrap}.empty{color:var(--dim)}
.chart{margin:16px 0;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:12px 12px 8px}.chart svg{width:100%;height:auto;display:block}figcaption{font-weight:600;margin-bottom:6px}
.grid{stroke:var(--line)}.tick,.zone{fill:var(--dim);font:11px system-ui,sans-serif}.zone{font-size:10px}.hit{fill:transparent}.hit:hover{fill:var(--fg);fill-opacity:.35}
.legend{display:flex;flex-wrap:wrap;gap:4px 14px;font-size:12px;color:var(--dim);padding:6px 4px 2px}.legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
.big{display:inline-block;margin:8px 12px 8px 0;padding:12px 18px;background:var(--card);border:1px solid var(--line);border-radius:6px}.big b{font-size:30px;letter-spacing:-.02em;display:block;line-height:1.1}.big figcaption{color:var(--dim);font-weight:400;margin:4px 0 0}`
