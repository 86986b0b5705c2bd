package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/scripttest"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		// The program itself, with a workspace that holds nothing and the
		// verbs of testVerbs.
		"tidemark": func() { os.Exit(runProcess(Env{Open: openNothing, more: testVerbs})) },
	})
}

// TestScripts runs testdata/script: what a user can type and what comes of it.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv(workspace.ConfigDirVar, filepath.Join(e.WorkDir, ".config"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   scripttest.Exits,
			"appears": cmdAppears,
		},
	})
}

// cmdAppears waits until a file exists, or with ! until it does not:
//
//	appears FILE
func cmdAppears(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] appears FILE")
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); (err == nil) != neg {
			return
		}
	}
	ts.Fatalf("waited in vain for %s", args[0])
}

// nothing is a workspace without a database.
type nothing struct{ name string }

func (*nothing) Close() error { return nil }

func openNothing(_ context.Context, w *workspace.Workspace) (Runtime, error) {
	if w.Config.Name == "unopenable" {
		return nil, engine.Errorf(engine.Unavailable, "open workspace", "the disk is full").WithHint("make room")
	}
	return &nothing{w.Config.Name}, nil
}

// testVerbs stand in for the verbs that work with data.
func testVerbs(a *app) []*cobra.Command {
	verb := func(use string, n int, run func(ctx context.Context, rt Runtime, args []string) error) *cobra.Command {
		return &cobra.Command{Use: use, Hidden: true, Args: cobra.ExactArgs(n), RunE: func(cmd *cobra.Command, args []string) error {
			return a.withRuntime(cmd, func(ctx context.Context, rt Runtime) error { return run(ctx, rt, args) })
		}}
	}
	return []*cobra.Command{
		verb("x-name", 0, func(_ context.Context, rt Runtime, _ []string) error {
			where := "here"
			if a.env.shared != nil {
				where = "there"
			}
			a.say("narrating")
			_, err := fmt.Fprintf(a.stdout, "%s %s %s\n", rt.(*nothing).name, where, filepath.Base(a.env.Cwd))
			return err
		}),
		verb("x-hold DURATION MARKER", 2, func(ctx context.Context, _ Runtime, args []string) error {
			d, err := engine.ParseDuration(args[0])
			if err != nil {
				return err
			}
			if err := os.WriteFile(a.path(args[1]), nil, 0o644); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(d):
				return nil
			}
		}),
		verb("x-hold-file FILE", 1, func(ctx context.Context, _ Runtime, args []string) error {
			for {
				if _, err := os.Stat(a.path(args[0])); err == nil {
					return nil
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(5 * time.Millisecond):
				}
			}
		}),
		verb("x-fail KIND", 1, func(_ context.Context, _ Runtime, args []string) error {
			switch args[0] {
			case "quarantined":
				return quarantinedError{3}
			case "panicky":
				return errors.New("nobody classified this")
			}
			return engine.Errorf(engine.Kind(args[0]), "try", "it did \x1b[31mnot\x1b[0m work").WithHint("try again")
		}),
		{Use: "x-trusted", Hidden: true, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			w, err := a.loadWorkspace()
			if err != nil {
				return err
			}
			if !w.Trusted {
				return workspace.ErrUntrusted(w.Root, "contact sources")
			}
			team, _ := w.Config.Channel("team")
			_, err = fmt.Fprintln(a.stdout, team.URL)
			return err
		}},
	}
}
