package notify

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func itemsOf(n int) (list []Item) {
	for i := range n {
		at := time.Date(2026, 1, 9, 14, i, 0, 0, time.UTC)
		list = append(list, Item{Incident: fmt.Sprint("i", i), Rule: "errors", Group: fmt.Sprintf("service=s%03d", i), Severity: "critical", Text: strings.Repeat("x", 900), Start: at, End: new(at.Add(time.Minute)), Link: fmt.Sprint("http://here/incidents/i", i)})
	}
	return list
}

// TestADigestSumsUp: what flaps is one line, and the newest of it is linked.
func TestADigestSumsUp(t *testing.T) {
	at := time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC)
	m := Message{Kind: Daily, Title: "The last day", Link: "http://here/incidents", Items: []Item{
		{Incident: "a", Rule: "errors", Group: "service=cart", Severity: "critical", Start: at, End: new(at.Add(47 * time.Minute)), Link: "http://here/incidents/a"},
		{Incident: "b", Rule: "slow", Start: at, Text: "slow <b>", Link: "http://here/incidents/b"},
		{Incident: "c", Rule: "errors", Group: "service=cart", Severity: "critical", Start: at.Add(time.Hour), End: new(at.Add(time.Hour + time.Minute)), Text: "7 errors", Link: "http://here/incidents/c"},
		{Incident: "d", Rule: "errors", Group: "service=pay", Severity: "critical", Start: at, End: new(at.Add(90 * time.Second)), Link: "http://here/incidents/d"},
	}}
	want := `The last day
- critical errors (service=cart), 2 alarms, the last 2026-01-09 15:00Z, 48m in all: 7 errors
  http://here/incidents/c
- slow, since 2026-01-09 14:00Z, still on: slow <b>
  http://here/incidents/b
- critical errors (service=pay), 2026-01-09 14:00Z, lasted 1m30s
  http://here/incidents/d
More: http://here/incidents
`
	if got := m.Plain(); got != want {
		t.Errorf("it says\n%s", got)
	}
	page, err := m.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`slow &lt;b&gt; <a href="http://here/incidents/b">Open</a>`, `<a href="http://here/incidents">Open in Tidemark</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not in %s", want, page)
		}
	}
}

// TestALongDigestSaysWhatItLeavesOut: in parts that Slack takes, and counted.
func TestALongDigestSaysWhatItLeavesOut(t *testing.T) {
	m := Message{Title: "many", Items: itemsOf(mostShares + 7)}
	body, err := json.Marshal(slackMessage(m))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Blocks []struct{ Text struct{ Text string } }
	}
	if err := json.Unmarshal(body, &got); err != nil || len(got.Blocks) > 50 {
		t.Fatalf("%d blocks, %v", len(got.Blocks), err)
	}
	var all string
	for _, b := range got.Blocks {
		if n := len([]rune(b.Text.Text)); n > 3000 {
			t.Errorf("a block has %d characters", n)
		}
		all += b.Text.Text + "\n"
	}
	page, err := m.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"Slack": all, "text": m.Plain(), "HTML": page} {
		if n := strings.Count(text, "service=s"); n != mostShares || !strings.Contains(text, "and 7 groups more") {
			t.Errorf("%s names %d", name, n)
		}
	}
}

// TestMessageIDs are fit for a header, and differ where the messages do.
func TestMessageIDs(t *testing.T) {
	seen := map[string]string{}
	for _, c := range []Config{{Outbox: "/a", Name: "shop"}, {Outbox: "/a", Name: "pay"}, {Outbox: "/b", Name: "shop"}} {
		for _, key := range []string{"daily/2026-01-09", "failure/rule ü cannot be evaluated/2026-01-09"} {
			id, what := c.messageID(key), fmt.Sprint(c.Outbox, c.Name, key)
			if !regexp.MustCompile(`^[a-z0-9]+@tidemark$`).MatchString(id) || seen[id] != "" || id != c.messageID(key) {
				t.Errorf("%s is %s, as is %q", what, id, seen[id])
			}
			seen[id] = what
		}
	}
}
