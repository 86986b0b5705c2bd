package export

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// cfnLint finds the linter that tools/cfn-lint.sh installs, or one on the PATH.
// Where there is none, the test is skipped and says so.
func cfnLint(t *testing.T) string {
	t.Helper()
	installed, err := filepath.Abs("../../.tools/cfn-lint/bin/cfn-lint")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{installed, "cfn-lint"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	fmt.Fprintln(os.Stderr, "SKIPPED: templates are not held against cfn-lint: make cfn-lint installs it from PyPI")
	t.Skip("there is no cfn-lint")
	return ""
}

// TestTemplatesAreLinted gives the templates of all sample rules, and of a rule
// that EventBridge holds, to CloudFormation's linter.
func TestTemplatesAreLinted(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: no linter is started")
	}
	t.Parallel()
	lint := cfnLint(t)
	dir := t.TempDir()
	rules := demoRules(t)
	rules["payment_error"] = small(t, "where: 'service == \"payments\" && body.status >= 500'", "when: n > 0")
	for name, r := range rules {
		for _, target := range []string{"cloudformation", "eventbridge"} {
			a, err := Write(target, []Rule{r}, Settings{})
			var refusal *Refusal
			if errors.As(err, &refusal) {
				continue
			}
			if err != nil {
				t.Fatalf("%s to %s: %v", name, target, err)
			}
			if err := os.WriteFile(filepath.Join(dir, target+"_"+name+".json"), a.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) < len(rules) {
		t.Fatalf("%d templates for %d rules: %v", len(files), len(rules), err)
	}
	if out, err := exec.CommandContext(t.Context(), lint, append([]string{"--non-zero-exit-code", "error"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%d templates linted", len(files))
}
