package format

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTableOfFormats keeps the table in docs/archives.md to what the table of
// kinds says.
func TestTableOfFormats(t *testing.T) {
	const page = "../../docs/archives.md"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), "-update -->\n")
	_, after, closed := strings.Cut(rest, "<!-- end of formats")
	if !ok || !closed {
		t.Fatal("the page has no place for the table")
	}
	want := before + "-update -->\n" + tableOfFormats() + "<!-- end of formats" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func tableOfFormats() string {
	var b strings.Builder
	b.WriteString("| format | what | told by | event_time | service | level | message | trace_id, span_id |\n|---|---|---|---|---|---|---|---|\n")
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) + " | " }
	for _, k := range Builtin().Kinds() {
		told := k.says
		if k.Key != nil {
			told += "; its keys"
		}
		ids := strings.Trim(k.Envelope.Trace+"; "+k.Envelope.Span, "; ")
		b.WriteString("| `" + string(k.Name) + "` | " + cell(k.Title) + cell(told) + cell(k.Envelope.Time) + cell(k.Envelope.Service) + cell(k.Envelope.Level) + cell(k.Envelope.Message) + strings.TrimSpace(cell(ids)) + "\n")
	}
	return b.String()
}
