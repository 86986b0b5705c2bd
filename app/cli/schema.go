package cli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

func (a *app) schemaVerb() *cobra.Command {
	group := &cobra.Command{Use: "schema", Short: "Look at the types of datasets, and change them", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(a.schemaShow(), a.schemaHistory(), a.schemaConflicts(), a.schemaSet(), a.schemaPromote(), a.schemaMap(), a.schemaImport())
	return group
}

func (a *app) schemaShow() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "show DATASET",
		Short: "Show a dataset's type",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if a.json && format == "" {
					format = "json"
				}
				if format == "" {
					return a.printSchema(ctx, b, args[0])
				}
				text, err := b.RenderSchema(args[0], format)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.stdout, strings.TrimRight(string(text), "\n"))
				return err
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "json, duckdb, hive, glue, avro or jsonschema")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(workbench.SchemaFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) printSchema(ctx context.Context, b *workbench.Workbench, name string) error {
	columns, err := b.Columns(ctx, name)
	if err != nil {
		return err
	}
	v, _ := b.Store.Schema(name)
	a.say("%s, version %d", name, v.Version)
	t := newTable("COLUMN", "TYPE")
	texts := textPaths(engine.Path{"body"}, v.Body)
	for _, c := range columns {
		if slices.Contains(texts, c[0]) {
			c[1] += " of all values"
		}
		t.add(c[0], c[1])
	}
	return t.write(a.stdout)
}

// textPaths are the paths that somebody has declared to be text.
func textPaths(at engine.Path, t engine.Type) (out []string) {
	for _, f := range t.Fields {
		p := append(at[:len(at):len(at)], f.Name)
		if f.Type.AsText {
			out = append(out, p.String())
		}
		out = append(out, textPaths(p, f.Type)...)
	}
	return out
}

func (a *app) schemaHistory() *cobra.Command {
	return &cobra.Command{
		Use:   "history DATASET",
		Short: "List the versions of a dataset's type and what changed",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				versions, err := b.Store.History(ctx, args[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(versions)
				}
				for _, v := range versions {
					kind := "minor"
					if v.Major {
						kind = "major"
					}
					fmt.Fprintf(a.stdout, "version %d (%s) by %s, %s", v.Version, kind, v.Author, v.At.UTC().Format("2006-01-02 15:04:05Z"))
					if v.Position != "" {
						fmt.Fprintf(a.stdout, ", first needed by %s", safeText(v.Position))
					}
					fmt.Fprintln(a.stdout)
					for _, c := range v.Changes {
						fmt.Fprintf(a.stdout, "  %s\n", safeText(c))
					}
				}
				return nil
			})
		},
	}
}

func (a *app) schemaConflicts() *cobra.Command {
	return &cobra.Command{
		Use:   "conflicts DATASET",
		Short: "List paths that met values of another type; those stand in rest",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				rows, err := b.Store.Conflicts(ctx, args[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(rows)
				}
				if len(rows) == 0 {
					a.say("no conflicts")
				}
				t := newTable("PATH", "TYPE", "GOT", ">COUNT", "SOURCE", "EXAMPLE")
				for _, r := range rows {
					t.add(shortened(r.Path), r.Want, r.Got, thousands(r.Count), r.Source, r.Example)
				}
				return t.write(a.stdout)
			})
		},
	}
}

func (a *app) schemaSet() *cobra.Command {
	return &cobra.Command{
		Use:   "set DATASET PATH TYPE",
		Short: "Give a path another type; values that do not fit it go to rest",
		Args:  cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				v, err := b.SetType(ctx, args[0], args[1], args[2])
				if err != nil {
					return err
				}
				return a.printVersion(v)
			})
		},
	}
}

func (a *app) schemaPromote() *cobra.Command {
	return &cobra.Command{
		Use:   "promote DATASET PATH",
		Short: "Give a column to a path that stands in rest for want of room",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				v, err := b.Promote(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				return a.printVersion(v)
			})
		},
	}
}

func (a *app) schemaMap() *cobra.Command {
	return &cobra.Command{
		Use:   "map DATASET [COLUMN=PATH...]",
		Short: "Say where records have their time, service, level, message, ids and labels",
		Long: "Show where a dataset finds its envelope, or write it into tidemark.yaml:\n" +
			"event_time=PATH, service=PATH, level=PATH, message=PATH, trace_id=PATH, span_id=PATH, and\n" +
			"label=PATH for each path that becomes a label. It holds for what is pulled or replayed\n" +
			"from now on; pull --again reads what is there already once more.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var to workspace.MappingSpec
			for _, arg := range args[1:] {
				column, path, _ := strings.Cut(arg, "=")
				if err := to.Set(column, path); err != nil {
					return err
				}
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				now := b.Mapping(args[0])
				if len(args) > 1 {
					var err error
					if now, err = b.SetMapping(args[0], to); err != nil {
						return err
					}
					w, err := a.loadWorkspace()
					if err != nil {
						return err
					}
					b.Reload(w, false)
				}
				return a.printMapping(args[0], now)
			})
		},
	}
}

func (a *app) printMapping(dataset string, m workspace.MappingSpec) error {
	if a.json {
		return a.printJSON(m)
	}
	t := newTable("COLUMN", "PATH")
	for _, r := range m.Columns() {
		t.add(r[0], r[1])
	}
	if len(m.Columns()) == 0 {
		a.say("%s has no mapping of its own: the usual names, and those of its format, hold", dataset)
		return nil
	}
	return t.write(a.stdout)
}

func (a *app) schemaImport() *cobra.Command {
	return &cobra.Command{
		Use:   "import DATASET FILE",
		Short: "Take a dataset's type from a JSON Schema or an Avro schema",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			src, err := os.ReadFile(a.path(args[1]))
			if err != nil {
				return engine.Errorf(engine.NotFound, "import a schema", "%w", err)
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				v, err := b.ImportSchema(ctx, args[0], args[1], src)
				if err != nil {
					return err
				}
				return a.printVersion(v)
			})
		},
	}
}

func (a *app) printVersion(v engine.SchemaVersion) error {
	if a.json {
		return a.printJSON(v)
	}
	a.say("%s is at version %d", v.Dataset, v.Version)
	for _, c := range v.Changes {
		fmt.Fprintf(a.stdout, "  %s\n", safeText(c))
	}
	return nil
}

func (a *app) listDatasets(all []workbench.DatasetSummary) error {
	if a.json {
		return a.printJSON(all)
	}
	if len(all) == 0 {
		a.say("no dataset yet: run tidemark pull")
		return nil
	}
	t := newTable("DATASET", ">ROWS", ">COLUMNS", "FIRST EVENT", "LAST EVENT", "WATERMARK")
	for _, d := range all {
		t.add(d.Name, thousands(d.Rows), thousands(int64(d.Columns)), moment(d.FirstEventTime), moment(d.LastEventTime), moment(d.Watermark))
	}
	return t.write(a.stdout)
}

func (a *app) datasetVerb() *cobra.Command {
	group := &cobra.Command{Use: "dataset", Short: "Manage datasets", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the datasets that have data",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				all, err := b.Datasets(ctx)
				if err != nil {
					return err
				}
				return a.listDatasets(all)
			})
		},
	}, &cobra.Command{
		Use:   "drop NAME",
		Short: "Delete a dataset with its rows, schema, quarantine and ledger",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				routed, err := b.RoutedFrom(ctx, args[0])
				if err != nil {
					return err
				}
				if err := b.Drop(ctx, args[0]); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]string{"dropped": args[0]})
				}
				if routed != "" {
					a.say("dropped %s; its records come back with: tidemark pull %s --again", args[0], routed)
					return nil
				}
				a.say("dropped %s; the next pull reads its objects again", args[0])
				return nil
			})
		},
	})
	return group
}
