package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

func (a *app) quarantineVerb() *cobra.Command {
	group := &cobra.Command{Use: "quarantine", Short: "Look at what was set aside, and try it again", Args: a.noSuchVerb, RunE: helpOf}
	group.AddCommand(a.quarantineList(), a.quarantineShow(), a.quarantineReplay(), a.quarantineDiscard())
	return group
}

func (a *app) quarantineList() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what was set aside, and why",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				entries, err := b.Store.Quarantine(ctx, reason)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(entries)
				}
				if len(entries) == 0 {
					a.say("quarantine is empty")
				}
				t := newTable(">ID", "DATASET", "POSITION", ">BYTES", "REASON")
				for _, e := range entries {
					t.add(strconv.FormatInt(e.ID, 10), e.Dataset, e.Position, strconv.FormatInt(e.Bytes, 10), describe(e))
				}
				return t.write(a.stdout)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "only entries with exactly this reason")
	return cmd
}

func describe(e store.QuarantineEntry) string {
	switch {
	case e.Path == "" && e.Got == "":
		return e.Reason
	case e.Path == "":
		return e.Reason + " at " + e.Got
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
	var reason string
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Put what was set aside through the pipeline once more",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				r, err := b.Replay(ctx, reason)
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
	cmd.Flags().StringVar(&reason, "reason", "", "only entries with exactly this reason")
	return cmd
}

func (a *app) quarantineDiscard() *cobra.Command {
	var reason string
	var all bool
	cmd := &cobra.Command{
		Use:   "discard [ID...]",
		Short: "Delete entries from quarantine for good",
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := readIDs(args)
			if err != nil {
				return err
			}
			if len(ids) == 0 && reason == "" && !all {
				return engine.Errorf(engine.Invalid, "discard", "nothing was named").WithHint("name entries by id, or give --reason or --all")
			}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if len(ids) == 0 {
					entries, err := b.Store.Quarantine(ctx, reason)
					if err != nil {
						return err
					}
					for _, e := range entries {
						ids = append(ids, e.ID)
					}
				}
				for _, id := range ids {
					if _, _, err := b.Store.QuarantineRaw(ctx, id); err != nil {
						return err
					}
				}
				if err := b.Discard(ctx, ids); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]int{"discarded": len(ids)})
				}
				a.say("%s discarded", plural(int64(len(ids)), "record"))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "every entry with exactly this reason")
	cmd.Flags().BoolVar(&all, "all", false, "everything in quarantine")
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
