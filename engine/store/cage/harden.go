package cage

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Harden shuts a DuckDB instance in: it reads and writes files in the given
// folders and no others, loads no extensions, keeps no secrets, and can no
// longer be told otherwise. The settings hold for the whole instance and for
// every connection to it, so what we load ourselves must lie in there too.
//
// The order matters: the folders cannot be named once access is off, and
// nothing can be set once the configuration is locked.
func Harden(ctx context.Context, db *sql.DB, folders []string) error {
	quoted := make([]string, len(folders))
	for i, f := range folders {
		abs, err := filepath.Abs(f)
		if err != nil {
			return err
		}
		quoted[i] = engine.QuoteText(filepath.ToSlash(abs) + "/")
	}
	for _, set := range []string{
		"SET allowed_directories = [" + strings.Join(quoted, ", ") + "]",
		"SET allow_persistent_secrets = false",
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
