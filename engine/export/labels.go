package export

import (
	"fmt"
	"slices"
	"sort"
	"strconv"

	"tidemark.dev/tidemark/engine"
)

// alertLabels lists the labels of a rule's alert by name. A name that is taken,
// by a group key or by what every alert has, gets a number.
func alertLabels(r Rule) (list [][2]string, renamed []Difference) {
	taken := map[string]bool{"alertname": true, "grafana_folder": true, "tidemark_rule": true}
	list = append(list, [2]string{"tidemark_rule", r.Name})
	if r.Severity != "" {
		taken["severity"] = true
		list = append(list, [2]string{"severity", r.Severity})
	}
	for _, k := range r.Plan.Keys {
		taken[promLabel(k.Path)] = true
	}
	for _, name := range sortedKeys(r.Labels) {
		label := numbered(promName(name), taken)
		if label != name {
			renamed = append(renamed, Difference{"labels", fmt.Sprintf("%s is called %s", strconv.Quote(name), label)})
		}
		list = append(list, [2]string{label, r.Labels[name]})
	}
	sort.Slice(list, func(i, j int) bool { return list[i][0] < list[j][0] })
	return list, renamed
}

// numbered is a name that is not taken, and takes it.
func numbered(name string, taken map[string]bool) string {
	free := name
	for i := 2; taken[free]; i++ {
		free = name + "_" + strconv.Itoa(i)
	}
	taken[free] = true
	return free
}

// distinctLabels refuses a rule that reads two fields which would be one label.
func distinctLabels(r *refuser, paths []engine.Path) {
	of := map[string]engine.Path{}
	for _, p := range paths {
		label := promLabel(p)
		if other, twice := of[label]; twice && !slices.Equal(other, p) {
			r.no(other.String()+" and "+p.String(), "both would be the label "+label+", whose name has letters, digits and _", "rename one of the fields in a transform plugin, or read one of them alone")
		}
		of[label] = p
	}
}
