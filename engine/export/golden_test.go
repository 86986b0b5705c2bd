package export

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGolden writes every sample rule for every target. A target that cannot
// hold the rule has its refusal as the golden file.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, r := range demoRules(t) {
		for _, target := range targets {
			got := []byte(nil)
			a, err := Write(target.name, []Rule{r})
			var refusal *Refusal
			switch {
			case errors.As(err, &refusal):
				got = []byte("refused: " + refusal.Construct + "\nwhy: " + refusal.Why + "\ninstead: " + refusal.Instead + "\n")
			case err != nil:
				t.Errorf("%s to %s: %v", name, target.name, err)
				continue
			default:
				got = append(append(append(got, a.Data...), "\n---- PARITY.md\n"...), Document(a, []Rule{r})...)
			}
			file := filepath.Join("testdata", target.name+"_"+name+".golden")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Errorf("%v: run with -update", err)
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Errorf("%s:\n%s", file, d)
			}
		}
	}
}
