package cli

import (
	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/samples"
)

func (a *app) demoVerb() *cobra.Command {
	opt := workbench.SampleOptions()
	var from, to timeFlag
	cmd := &cobra.Command{
		Use:   "demo [DIR]",
		Short: "Write a workspace with a week of an online shop's logs in it",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "shop"
			if len(args) > 0 {
				dir = args[0]
			}
			bar := a.newProgress("demo")
			opt.From, opt.To = from.Time, to.Time
			opt.Progress = func(done, total int) {
				bar.update(counts{objects: int64(done), objectsTotal: int64(total)})
			}
			sum, err := samples.Write(cmd.Context(), a.path(dir), opt)
			bar.done()
			if err != nil {
				return err
			}
			if _, err := a.trustCreated(a.path(dir)); err != nil {
				return err
			}
			if err := a.writeSchemas(a.path(dir)); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"workspace": a.path(dir), "records": sum.Records, "malformed": sum.Malformed, "files": sum.Files, "bytes": sum.Bytes})
			}
			a.say("wrote %s records in %d files (%s) to %s\nnext: tidemark -w %s pull", thousands(sum.Records), sum.Files, formatBytes(sum.Bytes), dir, dir)
			return nil
		},
	}
	cmd.Flags().Uint64Var(&opt.Seed, "seed", 0, "another week of the same shop")
	cmd.Flags().IntVar(&opt.Records, "records", 0, "about how many records (default 2,000,000)")
	cmd.Flags().Var(&from, "from", "only this part of the week, from")
	cmd.Flags().Var(&to, "to", "only this part of the week, to")
	return cmd
}

// writeSchemas puts the schemas of its files into a new workspace.
func (a *app) writeSchemas(dir string) error {
	w, err := workspace.Load(dir, workspace.Options{Trusted: true, LookupEnv: a.lookupEnv})
	if err != nil {
		return engine.Errorf(engine.Internal, "write the demo", "%w", err)
	}
	return w.Prepare()
}
