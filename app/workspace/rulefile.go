package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
	place := file
	if !filepath.IsAbs(file) {
		place = w.Path(file)
	}
	src, err := os.ReadFile(place)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no file %s", file)
	}
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
