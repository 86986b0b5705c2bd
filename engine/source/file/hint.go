package file

import "tidemark.dev/tidemark/engine/source/glob"

// instead says what stands where something is missing.
func (s *Source) instead(missing, above string) string {
	return glob.Instead(missing, folderName(above), s.names(above))
}

// contents says what a folder holds.
func (s *Source) contents(key string) string { return glob.Holds(folderName(key), s.names(key)) }

func folderName(key string) string {
	if key == "" {
		return "the folder the path starts in"
	}
	return key
}

// names are the entries of a folder, folders with a slash.
func (s *Source) names(key string) []string {
	entries, err := s.folder(key)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	return names
}
