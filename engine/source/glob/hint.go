package glob

import (
	"fmt"
	"path"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// shown is how many names a hint lists.
const shown = 4

// Holds is the hint for a pattern that takes nothing in a folder that exists:
// what the folder holds. Names of folders end with a slash; hidden ones are
// left out.
func Holds(folder string, names []string) string {
	var seen []string
	for _, name := range names {
		if !strings.HasPrefix(name, ".") {
			seen = append(seen, name)
		}
	}
	if len(seen) == 0 {
		return folder + " is empty; put files there or change the path"
	}
	more := ""
	if len(seen) > shown {
		seen, more = seen[:shown], fmt.Sprintf(" and %d more", len(seen)-shown)
	}
	return fmt.Sprintf("change the path; %s holds %s%s", folder, strings.Join(seen, ", "), more)
}

// Instead is the hint for a name that is missing in a folder: the nearest name
// that is there, else what Holds says.
func Instead(missing, folder string, names []string) string {
	bare := make([]string, len(names))
	for i, name := range names {
		bare[i] = strings.TrimSuffix(name, "/")
	}
	switch near := engine.Nearest(path.Base(missing), bare); near {
	case "":
		return Holds(folder, names)
	case path.Base(missing):
		return missing + " is a file; end the path there"
	default:
		return fmt.Sprintf("did you mean %s?", strings.TrimSuffix(missing, path.Base(missing))+near)
	}
}
