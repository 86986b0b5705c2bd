package rule

import (
	"context"
	"fmt"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// maxGroups bounds how many alarms one rule has: in a backtest, and live at a
// time.
const maxGroups = 50_000

// tooMany is thrown where a rule has more groups than that.
type tooMany struct{}

func (tooMany) Error() string { return "too many groups" }

// tooManyGroups names the key that makes most of them.
func tooManyGroups(ctx context.Context, q engine.Querier, p *plan.Plan, relation string) error {
	name, values := widest(ctx, q, p, relation)
	message := fmt.Sprintf("it has more than %d groups", maxGroups)
	if values > 0 {
		message += fmt.Sprintf(", for %s has about %d values", name, values)
	}
	return engine.Errorf(engine.Invalid, "", "%s", message).
		WithHint("group by something with fewer values than %s, allow some with match, or narrow where", name)
}

// widest is the key with the most values.
func widest(ctx context.Context, q engine.Querier, p *plan.Plan, relation string) (name string, values int64) {
	name = p.Keys[0].Name
	query, err := p.DistinctQuery(relation)
	if err != nil {
		return name, 0
	}
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return name, 0
	}
	defer rows.Close()
	counts, targets := make([]int64, len(p.Keys)), make([]any, len(p.Keys))
	for i := range counts {
		targets[i] = &counts[i]
	}
	for rows.Next() {
		if rows.Scan(targets...) != nil {
			return name, 0
		}
	}
	if rows.Err() != nil {
		return name, 0
	}
	for i, n := range counts {
		if n > values {
			name, values = p.Keys[i].Name, n
		}
	}
	return name, values
}
