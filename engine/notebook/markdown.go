package notebook

import (
	"bytes"
	"fmt"
	"strings"
)

// MarkdownOf writes a result as Markdown: the text as it was, tables below
// their SQL, charts as the table they draw.
func MarkdownOf(r *Result) []byte {
	var b bytes.Buffer
	if r.Title != "" {
		fmt.Fprintf(&b, "# %s\n\n", r.Title)
	}
	for i, c := range r.Cells {
		switch {
		case c.LeftOut != "":
			if r.firstLeftOut(i) {
				fmt.Fprintf(&b, "*left out: %s*\n\n", c.LeftOut)
			}
		case c.Kind == Markdown:
			if shown := unmarked(c.Text); shown != "" {
				b.WriteString(shown + "\n\n")
			}
		case c.Kind == ChartKind:
			fmt.Fprintf(&b, "*%s chart of `%s`: %s by %s*\n\n", c.Chart.Type, c.Chart.Data, strings.Join(c.Chart.ys(), ", "), c.Chart.X)
		case c.Backtest != nil:
			fmt.Fprintf(&b, "**%s**: %s\n\n", c.Backtest.Rule, c.Backtest.episodes())
			markdownTable(&b, episodes(c.Backtest))
		default:
			fmt.Fprintf(&b, "```sql\n%s\n```\n\n", strings.Trim(c.Text, "\n"))
			if c.Failed && c.Error == "" {
				fmt.Fprintf(&b, "> **%s**\n\n", foundText(c))
			}
			if c.Table != nil {
				markdownTable(&b, c.Table)
			}
		}
		if c.Error != "" {
			fmt.Fprintf(&b, "> **failed:** %s\n\n", c.Error)
		}
	}
	return b.Bytes()
}

func markdownTable(b *bytes.Buffer, t *Table) {
	b.WriteString("|")
	for _, c := range t.Columns {
		b.WriteString(" " + cell(c.Name) + " |")
	}
	b.WriteString("\n|")
	for _, c := range t.Columns {
		if numericType(c.Type) {
			b.WriteString(" ---: |")
		} else {
			b.WriteString(" --- |")
		}
	}
	b.WriteString("\n")
	for _, row := range t.Rows[:min(len(t.Rows), shownRows)] {
		b.WriteString("|")
		for _, v := range row {
			b.WriteString(" " + cell(show(v)) + " |")
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "\n%s\n\n", count(t))
}

func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;").Replace(visible(s))
}
