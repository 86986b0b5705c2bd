package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notebook"
)

func (a *app) notebookVerb() *cobra.Command {
	group := &cobra.Command{Use: "notebook", Short: "Run notebooks", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(a.notebookRun())
	return group
}

var notebookFormats = []string{"html", "json", "md", "sql"}

// notebookFlags are those of notebook run.
type notebookFlags struct {
	params        []string
	format        string
	output        string
	check, update bool
}

func (a *app) notebookRun() *cobra.Command {
	var f notebookFlags
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run every cell of a notebook, in order",
		Long: "Run every cell of a notebook, in order, and write the result as a page, JSON or\n" +
			"Markdown. It stops at the first cell that fails. --format sql writes a script for\n" +
			"the DuckDB command line instead; --check compares with the outputs kept beside it.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			params := map[string]string{}
			for _, p := range f.params {
				key, value, ok := strings.Cut(p, "=")
				if !ok {
					return engine.Errorf(engine.Invalid, "run a notebook", "--param %s has no =", p).WithHint("write --param service=checkout")
				}
				params[key] = value
			}
			if err := f.settle(a.json); err != nil {
				return err
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				file, path, err := workbench.FindNotebook(b.Current(), args[0], a.path(args[0]))
				if err != nil {
					return err
				}
				n, err := workbench.ReadNotebook(file, path)
				if err != nil {
					return err
				}
				if f.format == "sql" {
					script, err := b.NotebookScript(ctx, n, params)
					if err != nil {
						return err
					}
					return a.writeOutput(f.output, script)
				}
				return a.runNotebook(ctx, b, n, path, params, f)
			})
		},
	}
	cmd.Flags().StringArrayVar(&f.params, "param", nil, "a value for a parameter: service=checkout")
	cmd.Flags().StringVar(&f.format, "format", "", "html, json, md or sql (default: md, or by the output's name)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write to this file instead of stdout")
	cmd.Flags().BoolVar(&f.check, "check", false, "compare with the outputs kept in NAME.golden.json")
	cmd.Flags().BoolVar(&f.update, "update", false, "keep the outputs in NAME.golden.json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(notebookFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f *notebookFlags) settle(asJSON bool) error {
	if f.format == "" {
		f.format = "md"
		if asJSON {
			f.format = "json"
		}
		for _, known := range notebookFormats {
			if strings.HasSuffix(f.output, "."+known) {
				f.format = known
			}
		}
	}
	for _, known := range notebookFormats {
		if f.format == known {
			return nil
		}
	}
	e := engine.Errorf(engine.Invalid, "run a notebook", "there is no format %s", f.format)
	return e.WithHint("there are %s", strings.Join(notebookFormats, ", "))
}

func (a *app) runNotebook(ctx context.Context, b *workbench.Workbench, n *notebook.Notebook, path string, params map[string]string, f notebookFlags) error {
	r, failed := b.RunNotebook(ctx, n, params, func(cell, of, line int) {
		if a.env.TTY && !a.quiet {
			fmt.Fprintf(a.stderr, "\rcell %d of %d (line %d) \x1b[K", cell, of, line)
			if cell == of {
				fmt.Fprint(a.stderr, "\r\x1b[K")
			}
		}
	})
	if r == nil || failed != nil && len(r.Cells) == 0 {
		return failed // nothing ran
	}
	if f.check || f.update {
		if failed != nil {
			return failed
		}
		return a.compareGolden(r, path, f.update)
	}
	out, err := writeNotebook(r, f.format)
	if err != nil {
		return err
	}
	if err := a.writeOutput(f.output, out); err != nil {
		return err
	}
	if failed != nil && engine.KindOf(failed) == engine.Invalid {
		// The work failed; the command line and its files were in order.
		var e *engine.Error
		if errors.As(failed, &e) {
			shown := *e
			shown.Kind = engine.NotFound
			return &shown
		}
	}
	return failed
}

func writeNotebook(r *notebook.Result, format string) ([]byte, error) {
	switch format {
	case "html":
		return notebook.HTML(r), nil
	case "json":
		return notebook.JSON(r)
	}
	return notebook.MarkdownOf(r), nil
}

func (a *app) writeOutput(name string, b []byte) error {
	if name == "" {
		_, err := a.stdout.Write(b)
		return err
	}
	f, err := createOutput(a.path(name))
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return f.finish(err)
}

// compareGolden compares a run with the outputs kept beside the notebook, or
// keeps its own there.
func (a *app) compareGolden(r *notebook.Result, path string, update bool) error {
	file := strings.TrimSuffix(path, ".md") + ".golden.json"
	now := notebook.Record(r)
	if update {
		text, err := json.MarshalIndent(now, "", "  ")
		if err != nil {
			return err
		}
		if err := a.writeOutput(file, append(text, '\n')); err != nil {
			return err
		}
		a.say("kept the outputs of %d cells in %s", len(now.Cells), file)
		return nil
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return engine.Errorf(engine.NotFound, "check the notebook", "no outputs are kept in %s", file).WithHint("run it with --update once, and look at what it keeps")
	}
	var was notebook.Golden
	if err := json.Unmarshal(src, &was); err != nil {
		return engine.Errorf(engine.Invalid, "check the notebook", "%s cannot be read: %w", file, err)
	}
	diff := was.Diff(now)
	if a.json {
		if err := a.printJSON(map[string]any{"same": len(diff) == 0, "differences": diff}); err != nil {
			return err
		}
	} else if len(diff) == 0 {
		a.say("the outputs are those kept in %s", file)
	} else {
		fmt.Fprintln(a.stdout, safeLines(strings.Join(diff, "\n")))
	}
	if len(diff) > 0 {
		if a.json {
			return exitError{exitFailed}
		}
		return engine.Errorf(engine.Conflict, "check the notebook", "its outputs differ from those kept").WithHint("if they are right now, run it with --update")
	}
	return nil
}

// safeLines is safeText for a text of several lines.
func safeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = safeText(l)
	}
	return strings.Join(lines, "\n")
}
