package plugins_test

import (
	"fmt"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
)

// poisoned are 1024 texts of which every twentieth breaks echo.
func poisoned() engine.Column {
	values := make([]string, 1024)
	for i := range values {
		values[i] = fmt.Sprint(i)
		if i%20 == 0 {
			values[i] += "!"
		}
	}
	return texts("message", values...)
}

func TestBreaker(t *testing.T) {
	for _, c := range []struct {
		policy string
		check  func(t *testing.T, r *plugins.Result, err error)
	}{
		{"", func(t *testing.T, _ *plugins.Result, err error) {
			if engine.KindOf(err) != engine.Unavailable || !strings.Contains(err.Error(), "suspended, because it kept failing: it trapped: unreachable") {
				t.Errorf("got %v", err)
			}
		}},
		{plugins.OnFailureSkip, func(t *testing.T, r *plugins.Result, err error) {
			if err != nil || len(r.Rejected) != 3 || len(r.Src) != 0 || !strings.Contains(r.Rejected[0].Reason, "suspended") {
				t.Errorf("got %v, %v", r, err)
			}
		}},
		{plugins.OnFailurePass, func(t *testing.T, r *plugins.Result, err error) {
			if err != nil || len(r.Rejected) != 0 || len(r.Src) != 3 || string(r.Columns[0].Text(2)) != "c!" {
				t.Errorf("got %v, %v", r, err)
			}
		}},
	} {
		t.Run("policy "+c.policy, func(t *testing.T) {
			host := must(plugins.NewHost(t.Context(), plugins.Options{MaxInstances: 1}))
			p := must(host.Load(t.Context(), "echo", echo(Unreachable).Bytes(), plugins.Settings{OnFailure: c.policy}))
			for range 3 {
				r := must(p.Transform(t.Context(), []engine.Column{poisoned()}, 1024))
				if len(r.Rejected) != 52 || len(r.Src) != 1024-52 {
					t.Fatalf("%d rejected, %d kept", len(r.Rejected), len(r.Src))
				}
			}
			if !strings.Contains(p.Suspended(), "unreachable") {
				t.Errorf("suspended: %q", p.Suspended())
			}
			r, err := p.Transform(t.Context(), []engine.Column{texts("message", "a", "b", "c!")}, 3)
			c.check(t, r, err)
		})
	}
}

// TestAFewBadRecordsSuspendNothing because that is what quarantine is for.
func TestAFewBadRecordsSuspendNothing(t *testing.T) {
	host := must(plugins.NewHost(t.Context(), plugins.Options{MaxInstances: 1}))
	p := must(host.Load(t.Context(), "echo", echo(Unreachable).Bytes(), plugins.Settings{}))
	for range 10 {
		r := must(p.Transform(t.Context(), []engine.Column{texts("message", "a", "!", "b")}, 3))
		if len(r.Rejected) != 1 || len(r.Src) != 2 {
			t.Fatalf("got %v", r)
		}
	}
	if p.Suspended() != "" {
		t.Error(p.Suspended())
	}
}
