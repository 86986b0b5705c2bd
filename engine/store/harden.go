package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// harden shuts the instance in: it reads the given folders and no others,
// loads no extensions, and can no longer be told otherwise. The settings hold
// for the whole instance, so what we load ourselves must lie there too.
func harden(ctx context.Context, db *sql.DB, folders []string) error {
	quoted := make([]string, len(folders))
	for i, f := range folders {
		quoted[i] = engine.QuoteText(strings.TrimSuffix(f, "/") + "/")
	}
	for _, set := range []string{
		"SET allowed_directories = [" + strings.Join(quoted, ", ") + "]",
		"SET enable_external_access = false",
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET allow_community_extensions = false",
		"SET lock_configuration = true",
	} {
		if _, err := db.ExecContext(ctx, set); err != nil {
			return fmt.Errorf("%s: %w", set, err)
		}
	}
	return nil
}
