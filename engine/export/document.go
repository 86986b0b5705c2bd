package export

import (
	"fmt"
	"strings"
)

// Document is PARITY.md: in words, what the copies of the rules are and how
// they differ.
func Document(a *Artefact, rules []Rule) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Parity of %s\n\nWhat `%s` says, rule by rule, and how it differs from Tidemark.\nWho is told, how often and when not (`notify`, `repeat`, `silence`, `inhibit`) is set\nup there; `incidents` stay here.\n", a.Target, a.File)
	for i, r := range rules {
		fmt.Fprintf(&b, "\n## %s\n\n", r.Name)
		fmt.Fprintf(&b, "- Version: `%s`\n", r.Hash)
		fmt.Fprintf(&b, "- Breaching window: `%s`\n", strings.ReplaceAll(r.When, "\n", " "))
		fmt.Fprintf(&b, "- Alarm: %d of %d windows, missing is %s\n", r.Datapoints, r.Of, r.Missing)
		if len(r.Plan.Keys) > 0 {
			fmt.Fprintf(&b, "- Groups known at export: %d\n", len(r.Groups))
		}
		if r.Replay != "" {
			fmt.Fprintf(&b, "- Replayed over what is stored: %s\n", r.Replay)
		}
		if left := leftOut(r); len(left) > 0 {
			fmt.Fprintf(&b, "- Not exported, as neither `when` nor `summary` reads it: %s\n", strings.Join(left, ", "))
		}
		if len(a.Differences[i]) == 0 {
			b.WriteString("\nThe copy says exactly what the rule says.\n")
			continue
		}
		b.WriteString("\nDifferences:\n\n")
		for _, d := range a.Differences[i] {
			fmt.Fprintf(&b, "- **%s**: %s.\n", d.What, d.How)
		}
	}
	return []byte(b.String())
}

// leftOut lists the measures that no copy needs.
func leftOut(r Rule) (names []string) {
	read := used(r.Plan, r.Plan.When)
	for _, p := range r.Summary {
		for i, marked := range used(r.Plan, p.Expr) {
			read[i] = read[i] || marked
		}
	}
	for i, m := range r.Plan.Measures {
		if !read[i] {
			names = append(names, "`"+m.Name+"`")
		}
	}
	return names
}
