package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"tidemark.dev/tidemark/app/workbench"
)

// tellUse says on stderr what a query cost of an attached dataset; the result
// on stdout stays as it is.
func (a *app) tellUse(u workbench.Use) {
	if a.json {
		text, err := json.Marshal(map[string]workbench.Use{"attached": u})
		if err == nil && !a.quiet {
			fmt.Fprintf(a.stderr, "%s\n", text)
		}
		return
	}
	a.say("%s: %d of %s and %d of %s read; %s needed, %s estimated, %s fetched in %s, about $%.4f%s", u.Dataset,
		u.ObjectsRead, plural(u.Objects, "object"), u.RowGroupsRead, plural(u.RowGroups, "row group"),
		formatBytes(u.BytesNeeded), formatBytes(u.BytesEstimated), formatBytes(u.BytesFetched), plural(u.Requests, "request"), u.CostUSD, without(u))
	if u.Broken > 0 {
		a.say("%s: %s could not be read and stand in quarantine: their rows are missing", u.Dataset, plural(u.Broken, "object"))
	}
}

// estimate says what a query would cost.
func (a *app) estimate(ctx context.Context, b *workbench.Workbench, query string) error {
	uses, err := b.Estimate(ctx, query, nil)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(uses)
	}
	for _, u := range uses {
		_, err = fmt.Fprintf(a.stdout, "%s: %d of %s and %d of %s would be read; %s needed, %s to fetch in %s, about $%.4f%s\n", u.Dataset,
			u.ObjectsRead, plural(u.Objects, "object"), u.RowGroupsRead, plural(u.RowGroups, "row group"),
			formatBytes(u.BytesNeeded), formatBytes(u.BytesEstimated), plural(u.Requests, "request"), u.CostUSD, without(u))
	}
	if len(uses) == 0 {
		_, err = fmt.Fprintln(a.stdout, "nothing is fetched: the query reads no attached dataset")
	}
	return err
}

// without says what a query would fetch if its LIMIT did not end that.
func without(u workbench.Use) string {
	if u.BytesMost == 0 {
		return ""
	}
	return "; at most " + formatBytes(u.BytesMost) + " if it takes all objects to fill its LIMIT"
}
