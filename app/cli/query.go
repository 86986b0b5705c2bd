package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/result"
)

var queryFormats = append(slices.Clone(result.Formats), "parquet", "arrow")

func (a *app) queryVerb() *cobra.Command {
	var format, output, limit string
	var dry bool
	cmd := &cobra.Command{
		Use:   "query SQL",
		Short: "Run SQL over the datasets",
		Long: "Run one SELECT, EXPLAIN, SHOW, DESCRIBE or SUMMARIZE over the datasets of the\n" +
			"workspace. It reads them and nothing else. With - the SQL comes from stdin.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query, err := a.queryText(args[0])
			if err != nil {
				return err
			}
			if format, err = a.queryFormat(format, output); err != nil {
				return err
			}
			timeout, err := engine.ParseDuration(limit)
			if err != nil {
				return err
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if dry {
					return a.estimate(ctx, b, query)
				}
				return a.query(ctx, b, query, format, output, timeout)
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "table, json, csv, markdown, parquet or arrow (default: table, or by the output's name)")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this file instead of stdout")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what it would fetch of attached datasets and cost, and run nothing")
	cmd.Flags().StringVar(&limit, "timeout", engine.FormatDuration(workbench.DefaultTimeout), "end it after this time; 0s is never")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(queryFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) queryText(arg string) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	src, err := io.ReadAll(a.stdin)
	if err != nil {
		return "", engine.Errorf(engine.Unavailable, "read the query", "%w", err)
	}
	return string(src), nil
}

// queryFormat settles the format: as asked, or as the output is called.
func (a *app) queryFormat(format, output string) (string, error) {
	switch {
	case format != "":
	case a.json:
		format = "json"
	default:
		format = "table"
		ext := strings.TrimPrefix(filepath.Ext(output), ".")
		if ext == "md" {
			ext = "markdown"
		}
		if slices.Contains(queryFormats, ext) {
			format = ext
		}
	}
	if !slices.Contains(queryFormats, format) {
		e := engine.Errorf(engine.Invalid, "query", "there is no format %s", format)
		return "", e.WithHint("there are %s", strings.Join(queryFormats, ", "))
	}
	return format, nil
}

func (a *app) query(ctx context.Context, b *workbench.Workbench, query, format, output string, timeout time.Duration) (err error) {
	ctx = workbench.WithUse(ctx, a.tellUse)
	w, width := a.stdout, 0
	if a.env.TTY && output == "" {
		width = a.env.Columns
	}
	if output != "" {
		f, err := createOutput(a.path(output))
		if err != nil {
			return err
		}
		defer func() { err = f.finish(err) }()
		w = f
	}
	switch format {
	case "parquet":
		_, err = b.Store.WriteParquet(ctx, w, query, timeout)
	case "arrow":
		_, err = b.Store.WriteArrow(ctx, w, query, timeout)
	default:
		rows, err := b.Query(ctx, query, nil, timeout)
		if err != nil {
			return err
		}
		defer rows.Close()
		_, err = result.Write(w, rows, format, result.Options{Width: width})
		return err
	}
	return err
}

// output is a file that appears whole or not at all.
type output struct {
	*os.File
	name string
}

func createOutput(name string) (*output, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return nil, engine.Errorf(engine.Unavailable, "write "+name, "%w", err).WithHint("check that the folder exists and can be written to")
	}
	return &output{f, name}, nil
}

// finish keeps the file unless something failed.
func (o *output) finish(err error) error {
	closed := o.Close()
	if err == nil && closed == nil {
		if err = os.Chmod(o.File.Name(), 0o644); err == nil {
			err = os.Rename(o.File.Name(), o.name)
		}
		if err == nil {
			return nil
		}
	}
	os.Remove(o.File.Name())
	if err == nil {
		err = closed
	}
	if engine.KindOf(err) == engine.Internal {
		err = engine.Errorf(engine.Unavailable, "write "+o.name, "%w", err)
	}
	return err
}
