package tester

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/window"
)

// paneText writes a pane the way a test file does.
func (t *trial) paneText(p window.Pane) string {
	parts := []string{"window: " + spanText(p.Window)}
	pl := t.plan
	keys, values := map[string]any{}, map[string]any{}
	for i, k := range pl.Keys {
		keys[k.Name] = p.Keys[i]
	}
	if len(keys) > 0 {
		parts = append(parts, "key: "+flow(keys))
	}
	parts = append(parts, "timing: "+string(p.Timing), fmt.Sprintf("index: %d", p.Index), fmt.Sprintf("final: %t", p.Final))
	if p.Retraction {
		parts = append(parts, "retraction: true")
	}
	for i, m := range pl.Measures {
		values[m.Name] = p.Measures[i]
	}
	return "{" + strings.Join(append(parts, "values: "+flow(values)), ", ") + "}"
}

// expectedText writes what a test expects.
func expectedText(p *workspace.TestPane) string {
	var parts []string
	if len(p.Window) == 2 {
		parts = append(parts, "window: "+spanText(plan.Span{Start: p.Window[0].Time, End: p.Window[1].Time}))
	}
	if len(p.Key) > 0 {
		parts = append(parts, "key: "+flow(p.Key))
	}
	if p.Timing != "" {
		parts = append(parts, "timing: "+p.Timing)
	}
	if p.Index != nil {
		parts = append(parts, fmt.Sprintf("index: %d", *p.Index))
	}
	if p.Final != nil {
		parts = append(parts, fmt.Sprintf("final: %t", *p.Final))
	}
	if p.Retraction != nil {
		parts = append(parts, fmt.Sprintf("retraction: %t", *p.Retraction))
	}
	if len(p.Values) > 0 {
		parts = append(parts, "values: "+flow(p.Values))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func spanText(s plan.Span) string { return "[" + momentText(s.Start) + ", " + momentText(s.End) + "]" }

// momentText writes small times in seconds, as tests of windows alone do.
func momentText(t time.Time) string {
	if t.Year() <= 1970 {
		return strconv.FormatFloat(float64(t.UnixMicro())/1e6, 'f', -1, 64)
	}
	return `"` + t.Format(time.RFC3339Nano) + `"`
}

// flow writes a mapping on one line.
func flow(m map[string]any) string {
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+": "+scalarText(m[k]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func scalarText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case plan.Value:
		return valueText(v)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = scalarText(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v)
}

func valueText(v plan.Value) string {
	if items, ok := v.Items(); ok {
		parts := make([]string, len(items))
		for i, x := range items {
			parts[i] = valueText(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.String()
}
