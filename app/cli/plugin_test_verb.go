package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

func (a *app) pluginTestVerb() *cobra.Command {
	input, golden, config, update := "", "", "", false
	cmd := &cobra.Command{
		Use:   "test FILE.wasm --input FILE",
		Short: "Run a plugin over some records, and show what it makes of them",
		Long: "Run a plugin in the sandbox that a pull runs it in, over the records of a file:\n" +
			"JSON lines for a transform or a function, whose arguments are the members of its\n" +
			"inputs' names, and anything for a decoder.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings := map[string]any{}
			if config != "" {
				if err := json.Unmarshal([]byte(config), &settings); err != nil {
					return engine.Errorf(engine.Invalid, "read --config", "%w", err).WithHint(`write it as JSON: --config '{"keep": 0.5}'`)
				}
			}
			t, err := workbench.TryPlugin(cmd.Context(), args[0], input, settings)
			if err != nil {
				return err
			}
			wrong := errors.Join(unsteady(t), a.compareTrial(t, golden, update))
			if a.json && wrong != nil {
				return wrong
			}
			return errors.Join(a.showTrial(t), wrong)
		},
	}
	cmd.Flags().StringVar(&input, "input", "", "the file with records")
	cmd.Flags().StringVar(&golden, "golden", "", "a file that the results must equal")
	cmd.Flags().BoolVar(&update, "update", false, "write the file of --golden anew")
	cmd.Flags().StringVar(&config, "config", "", "the configuration, as JSON")
	_ = cmd.MarkFlagRequired("input")
	return cmd
}

// unsteady says of which records the plugin made different things in two runs.
func unsteady(t workbench.Trial) error {
	for _, f := range t.Functions {
		if len(f.Unsteady) > 0 {
			return engine.Errorf(engine.Conflict, "test "+t.Plugin, "%s made other things of record %d when it was run again, and of %d in all", f.Name, f.Unsteady[0], len(f.Unsteady)).
				WithHint("what it makes of a record must depend on that and its configuration alone: the host cuts, repeats and spreads batches as it likes")
		}
	}
	return nil
}

func (a *app) showTrial(t workbench.Trial) error {
	if a.json {
		return a.printJSON(t)
	}
	for _, f := range t.Functions {
		fmt.Fprintf(a.stdout, "%s %s\n", f.Kind, safeText(f.Name))
		for _, r := range f.Records {
			a.showStep(r)
		}
		fmt.Fprintf(a.stdout, "%d records in %.2f ms\n", len(f.Records), f.MS)
	}
	fmt.Fprintf(a.stdout, "%s@%s: loaded in %.1f ms, %s of memory\n", safeText(t.Plugin), t.Version, t.LoadMS, formatBytes(t.MemoryBytes))
	return nil
}

func (a *app) showStep(r workbench.TrialStep) {
	same := len(r.Out) == 1 && r.Out[0] == r.In
	if same {
		fmt.Fprintf(a.stdout, "  %s\n", safeText(r.In))
		return
	}
	fmt.Fprintf(a.stdout, "- %s\n", safeText(r.In))
	switch {
	case r.Rejected != "":
		fmt.Fprintf(a.stdout, "! %s\n", safeText(r.Rejected))
	case len(r.Out) == 0:
		fmt.Fprintf(a.stdout, "  dropped\n")
	}
	for _, o := range r.Out {
		fmt.Fprintf(a.stdout, "+ %s\n", safeText(o))
	}
}

// compareTrial shows the first line in which the results differ.
func (a *app) compareTrial(t workbench.Trial, file string, update bool) error {
	if file == "" {
		return nil
	}
	got := t.Golden()
	if update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			return engine.Errorf(engine.Unavailable, "write "+file, "%w", err)
		}
		a.say("wrote %s", file)
		return nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return engine.Errorf(engine.NotFound, "compare with "+file, "%w", err).WithHint("write it with --update")
	}
	if err != nil {
		return engine.Errorf(engine.Unavailable, "compare with "+file, "%w", err)
	}
	if got == string(text) {
		a.say("as in %s", file)
		return nil
	}
	wants, gots := strings.Split(string(text), "\n"), strings.Split(got, "\n")
	line := 0
	for line < min(len(wants), len(gots))-1 && wants[line] == gots[line] {
		line++
	}
	e := engine.Errorf(engine.Conflict, "compare with "+file, "line %d is %q and should be %q", line+1, gots[line], wants[line]).
		WithHint("--update writes it anew")
	e.File, e.Line = file, line+1
	return e
}
