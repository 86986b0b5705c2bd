package export

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGolden writes every sample rule for every target. A target that cannot
// hold the rule has its refusal as the golden file. Flink takes records that
// have been through the plugins.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, r := range demoRules(t) {
		for _, target := range targets {
			compare(t, target.name+"_"+name+".golden", written(t, target.name, r, Settings{}))
		}
		compare(t, "flink_transformed_"+name+".golden", written(t, "flink", r, Settings{Transformed: true}))
	}
}

// written is an artefact with its PARITY.md, or the refusal.
func written(t *testing.T, target string, r Rule, set Settings) []byte {
	t.Helper()
	a, err := Write(target, []Rule{r}, set)
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return []byte("refused: " + refusal.Construct + "\nwhy: " + refusal.Why + "\ninstead: " + refusal.Instead + "\n")
	case err != nil:
		t.Fatalf("%s to %s: %v", r.Name, target, err)
	}
	return slices.Concat(a.Data, []byte("\n---- PARITY.md\n"), Document(a, []Rule{r}))
}

// compare holds data against a golden file.
func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
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
