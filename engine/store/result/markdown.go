package result

import "strings"

// writeMarkdown writes a table of GitHub's Markdown.
func writeMarkdown(w *writer, r *reader) (int64, error) {
	w.line = append(w.line, '|')
	for _, name := range r.names {
		w.line = append(w.line, " "+cell(name)+" |"...)
	}
	w.line = append(w.line, "\n|"...)
	for _, t := range r.types {
		if t.numeric() {
			w.line = append(w.line, " ---: |"...)
		} else {
			w.line = append(w.line, " --- |"...)
		}
	}
	w.line = append(w.line, '\n')
	if err := w.put(); err != nil {
		return 0, err
	}
	return r.each(func() error {
		w.line = append(w.line, '|')
		for i := range r.vals {
			w.line = append(w.line, " "+cell(r.text(i))+" |"...)
		}
		w.line = append(w.line, '\n')
		return w.put()
	})
}

var markdown = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "\r\n", "<br>", "\n", "<br>", "<", "&lt;", ">", "&gt;", "&", "&amp;",
	"`", "\\`", "*", `\*`, "~", `\~`, "](", `]\(`,
)

// cell makes a text stand in a Markdown table as it is.
func cell(s string) string { return Visible(underscores(markdown.Replace(s))) }

// underscores escapes those that are not within a word; the others are none
// of Markdown's.
func underscores(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	word := func(i int) bool {
		return i >= 0 && i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z')
	}
	b := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		if s[i] == '_' && !(word(i-1) && word(i+1)) {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return string(b)
}
