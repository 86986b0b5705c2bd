// Package exporttest is what the tests share that run exported rules on a
// target's own engine: records with what the sample lacks, rules over them, and
// a workspace of both.
package exporttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
)

const config = `name: c
sources: {here: {type: file, path: "data/*.ndjson", dataset: d}}
datasets:
  d:
    event_time: at.time
    envelope: {service: svc}
    labels: [region]
    watermark: {strategy: max_lateness, lateness: 10m}
    columns: {body.email: mask, body.note: truncate(3)}
`

// rules use what every engine holds: aggregates, expressions, M of N.
const rules = `rule: sums
dataset: d
group_by: [service, labels.region]
window: {tumbling: 5m}
measures:
  n: count()
  total: sum(body.ms)
  mean: avg(body.ms)
  whole: sum(body.code)
  low: min(body.ms)
  high: max(body.http.route)
  p50: quantile(body.ms, 0.5)
  p99: quantile(body.ms, 0.99)
  kinds: distinct(body.http.route)
  masked: count(body.email == "***")
  short: count(body.note == "abc")
  slow: count(body.ms > 50 || body.code == nil)
  odd: count(body.code % 2 == 1 && not (body.http.route startsWith "/a"))
  ratio: total / (slow - 1)
when: n > 2 && (ratio > 10 || mean >= 3 || total > 0 || whole > 0 || low < 100 || high != "" || p50 > 0 || p99 > 0 || kinds > 0 || masked > 0 || short > 0 || odd > 0)
alarm: {datapoints: 2, of: 3, missing: not_breaching}
---
rule: hops
dataset: d
where: 'lower(body.http.route) matches "^/[ab]" && len(service) == 1 && body.code in [200, 404]'
group_by: [service]
window: {hopping: {size: 10m, every: 5m}}
measures: {n: count(), most: 'max(round(body.ms / 7))'}
when: n > 3 && (most ?? 0) >= 0
`

// Odd are names of services that one engine or another reads more into.
var Odd = []string{
	"it's", `say "x"`, "back`tick", `C:\n`, `\`, "two\nlines", "tab\there", "semi; -- DROP", "/* no */", "${HOME}", "$${HOME}", "${! json() }", "{{ x }}", "%{if}", "<time>",
	"a.b~c", "$1", "100%", "caf\u00e9", "\u65e5\u672c", "\U0001f600", "\u2028", "\u0085", "\x7f", "DATASET", "TABLE", strings.Repeat("long", 15),
}

// oddRule looks for all of them, and for parts of them.
func oddRule() string {
	constants := make([]string, len(Odd))
	for i, s := range Odd {
		constants[i] = strconv.Quote(s)
	}
	where, err := json.Marshal("service in [" + strings.Join(constants, ", ") + "]")
	if err != nil {
		panic(err)
	}
	return `rule: odd-names.2
dataset: d
where: ` + string(where) + `
group_by: [service]
window: {tumbling: 5m}
measures:
  n: count()
  quotes: 'count(service contains "\x27" || service == "say \"x\"")'
  slashes: 'count(service endsWith "\\" || service matches "^[A-Z]:[\\\\]n$")'
  lines: 'count(service contains "\n")'
  money: 'count(service startsWith "${" || service matches "^[$]{2}")'
  ends: 'count(service matches "; -- [A-Z]+$")'
  wide: 'count(service == "\u65e5\u672c" || service == "\U0001f600")'
when: n > 0 && quotes + slashes + lines + money + ends + wide >= 0
severity: "it's ${HOME}; {{ bad }}"
labels: {team: "a\nb ${HOME} 'q'", "odd name": "{{"}
summary: "{{service}} of 'it''s' ${HOME}; -- {{n}}"
`
}

// Write makes a workspace in root whose dataset d reads Records, with the rules
// that all engines hold and more of them, parted by lines of ---.
func Write(t *testing.T, root, more string) {
	t.Helper()
	files := map[string]string{"tidemark.yaml": config, "data/r.ndjson": Records()}
	for i, r := range strings.Split(rules+"---\n"+oddRule()+"---\n"+more, "---\n") {
		files[fmt.Sprintf("rules/r%d.yaml", i)] = r
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// Records are lines with times in many forms, nulls, missing paths, records
// without a time, and lines that are no JSON.
func Records() string {
	var b strings.Builder
	for i := range 400 {
		at := time.Date(2026, 3, 1, 5, 0, i*17, (i%1000)*1_234_567, time.UTC)
		when := map[int]string{
			0: `"` + at.Format("2006-01-02T15:04:05.000000Z") + `"`,
			1: `"` + at.In(time.FixedZone("", 19800)).Format("2006-01-02 15:04:05.999-07:00") + `"`,
			2: fmt.Sprint(at.UnixMilli()), 3: fmt.Sprint(at.Unix()), 4: `"` + at.Format("2006-01-02T15:04:05") + `"`,
		}[i%5]
		fmt.Fprintf(&b, `{"at":{"time":%s},"svc":%q,"region":%q,"ms":%g,"code":%d,"http":{"route":"/%c"},"email":"x@y","note":"abcdef"}`+"\n",
			when, string(rune('a'+i%3)), []string{"eu", "us"}[i/7%2], float64(i*i%997)/8, []int{200, 404, 500, 501}[i%4], 'a'+rune(i%5))
		switch i % 97 {
		case 11:
			fmt.Fprintf(&b, `{"at":{"time":%s},"svc":"a","ms":null,"http":{}}`+"\n", when)
		case 23:
			fmt.Fprintf(&b, `{"at":{"time":%s},"region":"eu","note":"abc"}`+"\n", when)
		case 31:
			b.WriteString("{\"svc\":\"no time\",\"ms\":5}\n{broken\n")
		}
		if i%7 == 0 {
			odd, err := json.Marshal(Odd[i/7%len(Odd)])
			if err != nil {
				panic(err)
			}
			fmt.Fprintf(&b, `{"at":{"time":%s},"svc":%s,"region":"eu","ms":1}`+"\n", when, odd)
		}
	}
	return b.String()
}

// Open pulls the sources of a workspace and gives the workbench on it, which
// the test closes.
func Open(t *testing.T, root string) *workbench.Workbench {
	t.Helper()
	w, err := workspace.Load(root, workspace.Options{Trusted: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Trusted = true
	if err := w.Prepare(); err != nil {
		t.Fatal(err)
	}
	b, err := workbench.Open(t.Context(), w, workbench.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if _, err := b.Pull(t.Context(), workbench.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	return b
}
