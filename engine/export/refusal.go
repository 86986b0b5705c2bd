package export

import (
	"fmt"

	"tidemark.dev/tidemark/engine"
)

// Refusal says why a target cannot hold a rule.
type Refusal struct {
	Rule   string `json:"rule"`
	Target string `json:"target"`
	// Construct is the part of the rule, as the rule might write it.
	Construct string `json:"construct"`
	Why       string `json:"why"`
	// Instead is what can be done about it.
	Instead string `json:"instead"`
}

// Error is the refusal in one sentence, without what to do instead.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s cannot be exported to %s: %s: %s", r.Rule, r.Target, r.Construct, r.Why)
}

// Unwrap gives the refusal as an engine.Error, by which its kind is known.
func (r *Refusal) Unwrap() error {
	return engine.Errorf(engine.Inexpressible, "export", "%s: %s", r.Construct, r.Why).WithHint("%s", r.Instead)
}

// refuser refuses parts of one rule for one target. Writers of artefacts call
// no from any depth; try turns it into an error.
type refuser struct{ rule, target string }

func (r *refuser) no(construct, why, instead string) {
	panic(&Refusal{r.rule, r.target, construct, why, instead})
}

func (r *refuser) try(f func() []Difference) (d []Difference, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *Refusal:
			err = p
		default:
			panic(p)
		}
	}()
	return f(), nil
}
