package export

import (
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine/plan"
)

// maxRemembered bounds how many windows of a group a pipeline remembers, as all
// of them go through the cache with every record.
const maxRemembered = 1000

func (w *connectRule) checkPasts() {
	for i, x := range w.Plan.Pasts {
		if n := int64(distance(w.Plan, x) / every(w.Plan.Window)); n > maxRemembered {
			w.no(w.Plan.PastName(i), fmt.Sprintf("it looks back over %d windows, and what a pipeline remembers goes through its cache with every record", n),
				fmt.Sprintf("look back over %d windows at most, or export to prometheus", maxRemembered))
		}
	}
}

// looksBack adds to a window what it looks back at, of the windows that its
// group remembers.
func (w *connectRule) looksBack() string {
	if len(w.Plan.Pasts) == 0 {
		return "  let w = this.value\n"
	}
	var b strings.Builder
	names := make([]string, len(w.Plan.Pasts))
	b.WriteString("  let now = this.value\n")
	for i, x := range w.Plan.Pasts {
		names[i] = fmt.Sprintf("$past%d", i+1)
		fmt.Fprintf(&b, "  let past%d = %s\n", i+1, w.past(x))
	}
	b.WriteString("  let w = $now.assign({\"past\": [" + strings.Join(names, ", ") + "]})\n")
	return b.String()
}

func (w *connectRule) past(x plan.Past) string {
	value := "p." + rememberedName(x.Measure)
	if x.Func == plan.Previous {
		return fmt.Sprintf("$before.points.filter(p -> p.end == $now.end - %d).map_each(p -> %s).index(0).catch(null)", distance(w.Plan, x).Microseconds(), value)
	}
	size := w.Plan.Window.Size.Microseconds()
	season := ""
	if x.Every > 0 {
		season = fmt.Sprintf(" && ($now.end - p.end) %% %d == 0", x.Every.Microseconds())
	}
	return fmt.Sprintf("$before.points.filter(p -> p.end <= $now.start && p.end - %d >= $now.start - %d%s && %s != null).map_each(p -> %s).sort().apply(\"median_of_%d\")",
		size, x.Ago.Microseconds(), season, value, value, max(1, x.Least))
}

// medians are the maps for baselines: of an even number of values, the smaller
// one in the middle.
func (w *connectRule) medians() string {
	seen := map[int]bool{}
	s := ""
	for _, x := range w.Plan.Pasts {
		if least := max(1, x.Least); x.Func == plan.Baseline && !seen[least] {
			seen[least] = true
			s += fmt.Sprintf("map median_of_%d {\n  root = if this.length() < %d { null } else { this.index(((this.length() - 1) / 2).floor()) }\n}\n", least, least)
		}
	}
	return s
}

// remembered is what a window leaves behind for those that look back at it.
func (w *connectRule) remembered() string {
	s := ""
	seen := map[int]bool{}
	for _, x := range w.Plan.Pasts {
		if !seen[x.Measure] {
			seen[x.Measure] = true
			s += fmt.Sprintf(", %q: $values.%s", rememberedName(x.Measure), bloblangText(w.Plan.Measures[x.Measure].Name))
		}
	}
	return s
}

func rememberedName(measure int) string { return fmt.Sprintf("m%d", measure+1) }
