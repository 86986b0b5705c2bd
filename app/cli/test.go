package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/tester"
	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

func (a *app) testVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "test [FILE...]",
		Short: "Run the tests of windows, rules and alarms",
		Long: "Run test files, or all of tests/: events and watermarks go in, and panes, alarms\n" +
			"and dropped events are compared with what the file expects. Nothing is pulled and\n" +
			"nothing stored. The last line counts; exit code 1 says that a test failed.",
		RunE: func(cmd *cobra.Command, args []string) error {
			for i, f := range args {
				// As a shell completes it, or as the workspace lists it.
				if _, err := os.Stat(a.path(f)); err == nil {
					args[i] = a.path(f)
				}
			}
			if _, err := a.workspaceRoot(); engine.KindOf(err) == engine.NotFound && len(args) > 0 && a.workspaceDir == "" {
				report, err := a.testAlone(cmd.Context(), args)
				if err != nil {
					return err
				}
				return a.printTests(report)
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				report, err := b.Test(ctx, args)
				if err != nil {
					return err
				}
				return a.printTests(report)
			})
		},
	}
}

// testAlone runs files that are in no workspace: what they test must be all
// in them.
func (a *app) testAlone(ctx context.Context, files []string) (*tester.Report, error) {
	return workbench.RunTests(ctx, files, func(f string) (string, string) {
		if rel, err := filepath.Rel(a.env.Cwd, f); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel), f
		}
		return f, a.path(f)
	}, nil)
}

func (a *app) printTests(r *tester.Report) error {
	if a.json {
		if err := a.printJSON(r); err != nil {
			return err
		}
	} else {
		for _, t := range r.Tests {
			if !t.Passed {
				fmt.Fprint(a.stdout, failedText(t))
			}
		}
		fmt.Fprintf(a.stdout, "%d passed, %d failed\n", r.Passed, r.Failed)
	}
	if r.Failed > 0 {
		return exitError{exitFailed}
	}
	return nil
}

// failedText shows what a test expected and what came: - is missing, + was
// not expected.
func failedText(t tester.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "FAIL %s:%d: %s\n", t.File, t.Line, safeText(t.Name))
	for _, f := range t.Failures {
		fmt.Fprintf(&b, "  %s:%d:%d: %s\n", f.File, f.Line, f.Column, safeText(f.Message))
		for _, p := range f.Missing {
			fmt.Fprintf(&b, "    - %s\n", safeText(p))
		}
		for _, p := range f.Unexpected {
			fmt.Fprintf(&b, "    + %s\n", safeText(p))
		}
	}
	return b.String()
}
