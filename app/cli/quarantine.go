package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

func (a *app) quarantineVerb() *cobra.Command {
	group := &cobra.Command{Use: "quarantine", Short: "Look at what was set aside, and try it again", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(a.quarantineList(), a.quarantineGroups(), a.quarantineShow(), a.quarantineReplay(), a.quarantineDiscard(), a.quarantineRestore())
	return group
}

// entryFlags adds the flags that choose entries.
func entryFlags(cmd *cobra.Command, f *store.QuarantineFilter) {
	cmd.Flags().StringVar(&f.Dataset, "dataset", "", "only entries of this dataset")
	cmd.Flags().StringVar(&f.Reason, "reason", "", "only entries with exactly this reason")
	cmd.Flags().StringVar(&f.Path, "path", "", "only entries where exactly this path is to blame")
}

func (a *app) quarantineList() *cobra.Command {
	var f store.QuarantineFilter
	var discarded bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what was set aside, and why",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				list := b.Store.Quarantine
				if discarded {
					list = b.Store.Discarded
				}
				entries, err := list(ctx, f)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(entries)
				}
				if len(entries) == 0 {
					a.say("there are no such entries")
				}
				t := newTable(">ID", "DATASET", "POSITION", ">BYTES", "REASON")
				for _, e := range entries {
					t.add(strconv.FormatInt(e.ID, 10), e.Dataset, e.Position, strconv.FormatInt(e.Bytes, 10), describe(e))
				}
				return t.write(a.stdout)
			})
		},
	}
	entryFlags(cmd, &f)
	cmd.Flags().BoolVar(&discarded, "discarded", false, "what was discarded and can be had back")
	return cmd
}

func (a *app) quarantineGroups() *cobra.Command {
	var f store.QuarantineFilter
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "Count what was set aside by reason and path",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				groups, err := b.Store.QuarantineGroups(ctx, f)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(groups)
				}
				if len(groups) == 0 {
					a.say("quarantine is empty")
				}
				t := newTable(">COUNT", "DATASET", "REASON", "PATH", "TYPE", "GOT", "SOURCES")
				for _, g := range groups {
					t.add(thousands(g.Count), g.Dataset, g.Reason, g.Path, g.Want, strings.Join(g.Got, ", "), strings.Join(g.Sources, ", "))
				}
				return t.write(a.stdout)
			})
		},
	}
	entryFlags(cmd, &f)
	return cmd
}

func describe(e store.QuarantineEntry) string {
	switch {
	case e.Path == "" && e.Got == "":
		return e.Reason
	case e.Path == "":
		return e.Reason + " at " + e.Got
	case e.Want == "":
		return fmt.Sprintf("%s: %s, got %s", e.Reason, e.Path, e.Got)
	}
	return fmt.Sprintf("%s: %s is %s, got %s", e.Reason, e.Path, e.Want, e.Got)
}

// entryJSON is an entry with its bytes: as text where they are UTF-8, else in
// base64.
type entryJSON struct {
	store.QuarantineEntry
	Raw    *string `json:"raw"`
	Base64 *string `json:"raw_base64,omitempty"`
}

func (a *app) quarantineShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one entry with its bytes as they came",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := readIDs(args)
			if err != nil {
				return err
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				e, raw, err := b.Store.QuarantineRaw(ctx, ids[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(withRaw(e, raw))
				}
				fmt.Fprintf(a.stdout, "%s\n%s\nat %s, %d bytes\n\n", safeText(e.Position), safeText(describe(e)), e.At.Format("2006-01-02 15:04:05Z"), e.Bytes)
				if raw == nil {
					_, err = fmt.Fprintln(a.stdout, "its bytes were not kept: replay fetches them again")
					return err
				}
				if e.Head != "" {
					fmt.Fprintf(a.stdout, "%s\n", safeText(e.Head))
				}
				_, err = fmt.Fprintln(a.stdout, safeText(string(raw)))
				return err
			})
		},
	}
}

func withRaw(e store.QuarantineEntry, raw []byte) entryJSON {
	out := entryJSON{QuarantineEntry: e}
	switch {
	case raw == nil:
	case utf8.Valid(raw):
		text := string(raw)
		out.Raw = &text
	default:
		text := base64.StdEncoding.EncodeToString(raw)
		out.Base64 = &text
	}
	return out
}

func (a *app) quarantineReplay() *cobra.Command {
	var f store.QuarantineFilter
	cmd := &cobra.Command{
		Use:   "replay [ID...]",
		Short: "Put what was set aside through the pipeline once more",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if f.IDs, err = readIDs(args); err != nil {
				return err
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				r, err := b.Replay(ctx, f)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(r)
				}
				fmt.Fprintf(a.stdout, "%s replayed: %d stored, %d set aside again\n", plural(r.Replayed, "entry"), r.Records, r.Quarantined)
				for _, at := range r.Gone {
					fmt.Fprintf(a.stdout, "  %s stays: its object is gone or changed\n", safeText(at))
				}
				for _, url := range r.Refetch {
					fmt.Fprintf(a.stdout, "  the next pull reads %s again\n", safeText(url))
				}
				return nil
			})
		},
	}
	entryFlags(cmd, &f)
	return cmd
}

func (a *app) quarantineDiscard() *cobra.Command {
	var f store.QuarantineFilter
	var all bool
	cmd := &cobra.Command{
		Use:   "discard [ID...]",
		Short: "Take entries out of quarantine; restore has them back for 30 days",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if f.IDs, err = readIDs(args); err != nil {
				return err
			}
			if len(f.IDs) == 0 && f.Dataset == "" && f.Reason == "" && f.Path == "" && !all {
				return engine.Errorf(engine.Invalid, "discard", "nothing was named").WithHint("name entries by id, or give --dataset, --reason, --path or --all")
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				ids, err := b.Discard(ctx, f)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"discarded": len(ids), "ids": ids})
				}
				a.say("%s discarded; tidemark quarantine restore has them back for 30 days", plural(int64(len(ids)), "entry"))
				return nil
			})
		},
	}
	entryFlags(cmd, &f)
	cmd.Flags().BoolVar(&all, "all", false, "everything in quarantine")
	return cmd
}

func (a *app) quarantineRestore() *cobra.Command {
	var f store.QuarantineFilter
	cmd := &cobra.Command{
		Use:   "restore [ID...]",
		Short: "Put discarded entries back into quarantine",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if f.IDs, err = readIDs(args); err != nil {
				return err
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				ids, err := b.Restore(ctx, f)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"restored": len(ids), "ids": ids})
				}
				a.say("%s restored", plural(int64(len(ids)), "entry"))
				return nil
			})
		},
	}
	entryFlags(cmd, &f)
	return cmd
}

func readIDs(args []string) ([]int64, error) {
	var ids []int64
	for _, s := range args {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, engine.Errorf(engine.Invalid, "find in quarantine", "%q is no id", s).WithHint("tidemark quarantine list shows the ids")
		}
		ids = append(ids, id)
	}
	return ids, nil
}
