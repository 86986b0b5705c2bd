package file

import (
	"fmt"
	"path"
	"strings"
)

// shown is how many names a hint lists.
const shown = 4

// instead says what stands where something is missing: the nearest name, or
// failing that a few of those in the folder above.
func (s *Source) instead(missing, above string) string {
	want := path.Base(missing)
	best, distance := "", len(want)/2+1
	for _, name := range s.names(above) {
		if d := edits(want, strings.TrimSuffix(name, "/")); d < distance {
			best, distance = name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", path.Join(above, best))
	}
	return s.contents(above)
}

// contents says what a folder holds.
func (s *Source) contents(key string) string {
	folder := key
	if folder == "" {
		folder = "the folder the path starts in"
	}
	names := s.names(key)
	if len(names) == 0 {
		return folder + " is empty; put files there or change the path"
	}
	more := ""
	if len(names) > shown {
		names, more = names[:shown], fmt.Sprintf(" and %d more", len(names)-shown)
	}
	return fmt.Sprintf("change the path; %s holds %s%s", folder, strings.Join(names, ", "), more)
}

// names are the entries of a folder that are not hidden, folders with a slash.
func (s *Source) names(key string) []string {
	entries, err := s.folder(key)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	return names
}

// edits counts the characters to add, drop or change to get from a to b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
