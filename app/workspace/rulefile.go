package workspace

import (
	"os"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
)

// DecodeRule reads a rule file. Whether the rule means anything is for
// rule.Compile to say.
func DecodeRule(file string, src []byte) (rule.Spec, error) {
	var s rule.Spec
	err := yamlfile.Decode(file, src, &s)
	return s, err
}

// ReadRule reads a rule file of the workspace.
func (w *Workspace) ReadRule(file string) (rule.Spec, error) {
	src, err := os.ReadFile(w.Path(file))
	if err != nil {
		return rule.Spec{}, engine.Errorf(engine.NotFound, "read a rule", "%w", err).WithHint("tidemark rules list shows the rules there are")
	}
	return DecodeRule(file, src)
}

// DecodeRuleAt reads a rule that stands inside another file, from a line on.
func DecodeRuleAt(file string, firstLine int, src []byte) (rule.Spec, error) {
	var s rule.Spec
	err := yamlfile.DecodeAt(file, firstLine-1, src, &s)
	return s, err
}
