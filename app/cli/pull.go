package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

// withBench runs fn with the workspace open.
func (a *app) withBench(cmd *cobra.Command, fn func(ctx context.Context, b *workbench.Workbench) error) error {
	return a.withRuntime(cmd, func(ctx context.Context, rt Runtime) error {
		return fn(ctx, rt.(*workbench.Workbench))
	})
}

// timeFlag is a flag that takes RFC 3339 or a date.
type timeFlag struct{ time.Time }

func (t *timeFlag) String() string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// Set reads the flag's value.
func (t *timeFlag) Set(s string) error {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04", "2006-01-02"} {
		if at, err := time.Parse(layout, s); err == nil {
			t.Time = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is no time: write 2026-01-09 or 2026-01-09T14:00:00Z", s)
}

// Type names what the flag takes, for help.
func (t *timeFlag) Type() string { return "TIME" }

func (a *app) pullVerb() *cobra.Command {
	var from, to timeFlag
	var dry, again, strict, verify bool
	cmd := &cobra.Command{
		Use:   "pull [SOURCE...]",
		Short: "Bring the objects of archives into their datasets",
		Long: "Bring the objects of s3 and file sources into their datasets. What was pulled\n" +
			"before is passed over; what cannot be decoded goes to quarantine.",
		ValidArgsFunction: a.completeSources,
		RunE: func(cmd *cobra.Command, args []string) error {
			if verify && (dry || again) {
				return engine.Errorf(engine.Invalid, "pull", "--verify fetches nothing and goes with neither --dry-run nor --again").WithHint("give one of them")
			}
			opt := workbench.PullOptions{Sources: args, From: from.Time, To: to.Time, Again: again}
			return a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				switch {
				case dry:
					return a.pullDry(ctx, b, opt)
				case verify:
					return a.pullVerify(ctx, b, args)
				}
				return a.pull(ctx, b, opt, strict)
			})
		},
	}
	cmd.Flags().Var(&from, "from", "only objects that may hold events from this time on")
	cmd.Flags().Var(&to, "to", "only objects that may hold events before this time")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be fetched and what it would cost, and fetch nothing")
	cmd.Flags().BoolVar(&verify, "verify", false, "compare the store, the ledger and the rows, and fetch nothing; exit with 1 where they differ")
	cmd.Flags().BoolVar(&again, "again", false, "pull objects that were pulled before anew, in place of their rows")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with 4 when records were set aside in quarantine")
	return cmd
}

func (a *app) pullDry(ctx context.Context, b *workbench.Workbench, opt workbench.PullOptions) error {
	d, err := b.DryRun(ctx, opt)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(d)
	}
	if d.Attached > 0 {
		fmt.Fprintf(a.stdout, "%s attached: only footers are fetched\n", plural(d.Attached, "object"))
	}
	_, err = fmt.Fprintf(a.stdout, "%s to fetch, %s; %d already pulled\n", plural(d.Objects, "object"), formatBytes(d.Bytes), d.Skipped)
	if err != nil || d.Requests == 0 {
		return err // files have no price
	}
	_, err = fmt.Fprintf(a.stdout, "%s, about $%.4f\n  %s\n", plural(d.Requests, "request"), d.CostUSD, d.Basis)
	return err
}

func (a *app) pull(ctx context.Context, b *workbench.Workbench, opt workbench.PullOptions, strict bool) error {
	bar := a.newProgress("pull")
	opt.Report = func(p workbench.Progress) {
		bar.update(counts{
			objects: p.Counts.Objects, objectsTotal: p.ObjectsTotal,
			bytes: p.Counts.Bytes, bytesTotal: p.BytesTotal, records: p.Counts.Records,
		})
	}
	result, err := b.Pull(ctx, opt)
	bar.done()
	if err != nil {
		if result.Records > 0 {
			a.say("stored before it stopped: %s; pull again to go on from there", plural(result.Records, "record"))
		}
		return err
	}
	for _, u := range result.Unmet {
		what := fmt.Sprintf("columns: %s of %s (%s)", u.Path, u.Dataset, u.Policy)
		if u.Policy == "key" || u.Policy == "dedup" {
			what = fmt.Sprintf("datasets.%s.%s: %s", u.Dataset, u.Policy, u.Path)
		}
		a.say("%s", strings.TrimSpace(fmt.Sprintf("warning: %s was in no record so far; %s", what, u.Hint)))
	}
	for _, o := range result.OverRoute {
		a.say("warning: sources.%s.route: its values would make more than %d datasets; %s of further ones went to %s. Raise it: route: {path: …, tables: …}", o.Source, o.Tables, plural(o.Records, "record"), o.Dataset)
	}
	if a.json {
		err = a.printJSON(result)
	} else {
		err = a.printPull(result)
	}
	switch {
	case err != nil:
		return err
	case result.Failed > 0:
		if a.json {
			return exitError{exitFailed}
		}
		return engine.Errorf(engine.Unavailable, "pull", "%s could not be reached: %s", plural(result.Failed, "object"), result.Failures[0]).
			WithHint("pull again: what is stored is passed over")
	case strict && result.Quarantined > 0:
		return quarantinedError{result.Quarantined}
	}
	return nil
}

func (a *app) printPull(r workbench.PullResult) error {
	if r.Attached > 0 {
		fmt.Fprintf(a.stdout, "%s attached, %s of footers fetched\n", plural(r.Attached, "object"), formatBytes(r.Fetched))
		if r.Objects == 0 && r.Failed == 0 && r.Skipped == 0 {
			return nil
		}
	}
	if r.Objects == 0 && r.Failed == 0 && r.Skipped > 0 {
		_, err := fmt.Fprintf(a.stdout, "nothing new: %s pulled before\n", plural(r.Skipped, "object"))
		return err
	}
	rate := ""
	if r.Seconds > 0 {
		rate = fmt.Sprintf(" (%s records/s)", thousands(int64(float64(r.Read)/r.Seconds)))
	}
	fmt.Fprintf(a.stdout, "%s from %s, %s, in %.1f s%s\n",
		plural(r.Records, "record"), plural(r.Objects, "object"), formatBytes(r.Bytes), r.Seconds, rate)
	skipped := "objects were pulled before"
	if r.Skipped == 1 {
		skipped = "object was pulled before"
	}
	for _, line := range []struct {
		n    int64
		text string
	}{
		{r.Skipped, skipped},
		{r.Quarantined, "set aside: tidemark quarantine list"},
		{r.Dropped, "dropped by transforms"},
		{r.Duplicates, "duplicates"},
		{r.Untimed, "without a readable time"},
		{r.Late, "behind the watermark"},
	} {
		if line.n > 0 {
			fmt.Fprintf(a.stdout, "%12s %s\n", thousands(line.n), line.text)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Routed)) {
		fmt.Fprintf(a.stdout, "%12s into %s\n", thousands(r.Routed[name].Records), name)
	}
	return nil
}

// plural writes a number with its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return thousands(n) + " " + stem + "ies"
	}
	return thousands(n) + " " + noun + "s"
}

// thousands groups the digits of a number.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// completeSources completes the names of sources.
func (a *app) completeSources(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	w, err := a.loadWorkspace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, s := range w.Config.Sources {
		names = append(names, s.Key.Value)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
