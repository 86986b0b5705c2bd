package export

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestEventPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lines, want string }{
		{`where: 'level == "ERROR"'`, `{"severity":["ERROR"]}`},
		{`where: 'service != "probe"'`, `{"svc":[{"anything-but":["probe"]},null,{"exists":false}]}`},
		{`where: 'service != "a" && service != "b"'`, `{"svc":[{"anything-but":["a","b"]},null,{"exists":false}]}`},
		{`where: 'body.status >= 500'`, `{"status":[{"numeric":[">=",500]}]}`},
		{`where: 'body.status == 402 && service == "payments"'`, `{"status":[{"numeric":["=",402]}],"svc":["payments"]}`},
		{`where: 'service == "a" || body.status in [1, 2]'`, `{"$or":[{"svc":["a"]},{"status":[{"numeric":["=",1]},{"numeric":["=",2]}]}]}`},
		{`where: 'trace_id startsWith "a"'`, `{"trace_id":[{"prefix":"a"}]}`},
		{`where: 'not (trace_id endsWith "a")'`, `{"trace_id":[{"anything-but":{"suffix":"a"}}]}`},
		{`where: 'trace_id contains "a*"'`, `{"trace_id":[{"wildcard":"*a\\**"}]}`},
		{`where: 'service != nil && service != ""'`, ``},
		{`where: 'body.type != nil'`, `{"type":[{"wildcard":"*"}]}`},
		{`where: 'labels.region == nil'`, `{"region":[null,{"exists":false}]}`},
		{"measures: {n: 'count(level == \"ERROR\")'}\nwhere: 'service == \"a\"'", `{"severity":["ERROR"],"svc":["a"]}`},
	} {
		lines := strings.Split(c.lines, "\n")
		if !strings.Contains(c.lines, "when:") {
			lines = append(lines, "when: n > 0")
		}
		a, err := Write("eventbridge", []Rule{small(t, lines...)}, Settings{})
		var refusal *Refusal
		if c.want == "" {
			if !errors.As(err, &refusal) {
				t.Errorf("%s: %v", c.lines, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.lines, err)
			continue
		}
		var file struct {
			Resources map[string]struct {
				Properties struct {
					EventPattern struct{ Detail json.RawMessage }
				}
			}
		}
		if err := json.Unmarshal(a.Data, &file); err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := errors.Join(json.Unmarshal(file.Resources["SmallRule"].Properties.EventPattern.Detail, &got), json.Unmarshal([]byte(c.want), &want)); err != nil {
			t.Fatal(err)
		}
		g, _ := json.Marshal(got)
		if w, _ := json.Marshal(want); string(g) != string(w) {
			t.Errorf("%s: %s, want %s", c.lines, g, w)
		}
	}
}

func TestEventBridgeRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lines, construct string }{
		{"when: n > 1", "when: n > 1"},
		{"when: n > 0\nalarm: {datapoints: 2, of: 2}", "alarm: {datapoints: 2}"},
		{"when: n > 0\nalarm: {missing: breaching}", "missing: breaching"},
		{"when: n > 0\nwhere: 'service matches \"a+\"'", `service matches "a+"`},
		{"when: n > 0\nwhere: 'service < \"a\"'", `service < "a"`},
		{"when: n > 0\nwhere: 'body.status > 6000000000'", `body.status > 6000000000`},
		{"when: n > 0\nwhere: 'message contains \"a\"'", "message"},
		{"when: n > 0\nwhere: 'service startsWith \"a\" && service endsWith \"b\"'", `service startsWith "a" && service endsWith "b"`},
		{"measures: {n: sum(body.status)}\nwhen: n > 0", "when: n > 0"},
	} {
		_, err := Write("eventbridge", []Rule{small(t, strings.Split(c.lines, "\n")...)}, Settings{})
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Construct != c.construct || refusal.Why == "" || refusal.Instead == "" {
			t.Errorf("%s: %+v (%v)", c.lines, refusal, err)
		}
	}
}

// TestCheckEventPattern are patterns that EventBridge takes or not.
func TestCheckEventPattern(t *testing.T) {
	t.Parallel()
	many := make([]any, 1001)
	for i := range many {
		many[i] = object{"a": []any{"b"}}
	}
	for _, c := range []struct {
		pattern string
		ok      bool
	}{
		{`{"a": ["b", 1, true, null]}`, true},
		{`{"a": {"b": [{"numeric": [">", 0, "<=", 5]}]}}`, true},
		{`{"a": [{"anything-but": {"wildcard": "*x*"}}]}`, true},
		{`{"$or": [{"a": ["b"]}, {"c": ["d"]}]}`, true},
		{`{}`, false},
		{`{"a": "b"}`, false},
		{`{"a": []}`, false},
		{`{"a": [["b"]]}`, false},
		{`{"a": [{"like": "b"}]}`, false},
		{`{"a": [{"numeric": ["=>", 3]}]}`, false},
		{`{"a": [{"numeric": ["<", 3, ">", 1]}]}`, false},
		{`{"a": [{"numeric": ["<", 6000000000]}]}`, false},
		{`{"a": [{"exists": "yes"}]}`, false},
		{`{"a": [{"wildcard": "a**"}]}`, false},
		{`{"a": [{"prefix": ""}]}`, false},
		{`{"a": [{"anything-but": [1, "b"]}]}`, false},
		{`{"a": [{"anything-but": {"numeric": ["=", 1]}}]}`, false},
		{`{"a": [{"prefix": "a", "suffix": "b"}]}`, false},
		{`{"$or": [{"a": ["b"]}]}`, false},
		{`{"a": ["` + strings.Repeat("x", 2100) + `"]}`, false},
	} {
		var pattern object
		if err := json.Unmarshal([]byte(c.pattern), &pattern); err != nil {
			t.Fatal(err)
		}
		if err := checkEventPattern(pattern); (err == nil) != c.ok {
			t.Errorf("%.80s: %v", c.pattern, err)
		}
	}
}
