package workbench

import (
	"context"
	"fmt"
	"strconv"

	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/store"
)

// scored holds a report also against what people have said of the rule's
// alarms.
func (b *Workbench) scored(ctx context.Context, report *rule.Report, r *rule.Rule, err error) (*rule.Report, *rule.Rule, error) {
	if err != nil || report == nil {
		return report, r, err
	}
	if r, err = b.judged(ctx, r); err != nil {
		return nil, nil, err
	}
	return report.ScoredBy(r.Known), r, nil
}

// judged is a rule that knows, beside the incidents that its file lists, the
// alarms that somebody has labelled.
func (b *Workbench) judged(ctx context.Context, r *rule.Rule) (*rule.Rule, error) {
	list, err := b.Store.Incidents(ctx, store.IncidentFilter{Rule: r.Name})
	if err != nil {
		return nil, err
	}
	out := *r
	out.Known = r.Known[:len(r.Known):len(r.Known)]
	for _, i := range list {
		if i.Label != "" {
			out.Known = append(out.Known, labelled(i))
		}
	}
	return &out, nil
}

// labelled is what a label says of an alarm. One that lasts has no end yet.
func labelled(i store.IncidentRow) rule.Known {
	k := rule.Known{From: i.Start, To: i.Start.AddDate(1000, 0, 0), Key: map[string]string{}, False: i.Label == "false", Label: true, Note: i.Summary}
	if i.End != nil {
		k.To = *i.End
	}
	for name, v := range i.Key {
		switch v := v.(type) {
		case nil:
			k.Key[name] = "null"
		case float64:
			k.Key[name] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			k.Key[name] = fmt.Sprint(v)
		}
	}
	return k
}
