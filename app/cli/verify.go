package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
)

// pullVerify compares what sources have with what was pulled.
func (a *app) pullVerify(ctx context.Context, b *workbench.Workbench, names []string) error {
	v, err := b.Verify(ctx, names)
	if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(v); err != nil {
			return err
		}
		if !v.OK {
			return exitError{exitFailed}
		}
		return nil
	}
	if err := a.printVerified(v); err != nil || v.OK {
		return err
	}
	return engine.Errorf(engine.Conflict, "verify", "%s not as pulled", plural(v.Missing+v.Changed+v.Partial+v.Differ+v.Extra, "object")).
		WithHint("pull again fetches what is missing, changed or partial; pull --again puts rows that differ right")
}

// verifySays explains the states of objects that are not as they should be.
var verifySays = map[string]string{
	"missing": "never pulled", "changed": "changed since it was pulled", "partial": "not pulled to its end",
	"differ": "other rows than the ledger says", "extra": "rows of no object in the ledger", "gone": "no longer in the store; its rows stay",
}

func (a *app) printVerified(v workbench.Verified) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, d := range v.Details {
		if says := verifySays[d.State]; says != "" {
			fmt.Fprintf(w, "%s\t%s\tledger %s, table %s\t%s\n", d.State, safeText(d.Key), thousands(d.Stored), thousands(d.Rows), says)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %s agree, %s missing, %s changed, %s partial, %s differ, %s extra, %s gone, %s attached\n", plural(v.Objects, "object"),
		thousands(v.Agree), thousands(v.Missing), thousands(v.Changed), thousands(v.Partial), thousands(v.Differ), thousands(v.Extra), thousands(v.Gone), thousands(v.Attached))
	return err
}
