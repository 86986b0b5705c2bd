package workbench

import (
	"tidemark.dev/tidemark/plugins/bundled"
	"tidemark.dev/tidemark/samples"
)

// SampleOptions are how this program writes the sample: its files point
// editors to the schemas that every workspace has, and where the plugin
// keyvalue could not be built the program reads the relay's lines itself.
func SampleOptions() samples.Options {
	opt := samples.Options{Schema: func(kind string) string {
		if kind == "workspace" {
			return ".tidemark/schemas/workspace.json"
		}
		return "../.tidemark/schemas/" + kind + ".json"
	}}
	if _, built := bundled.Lookup("keyvalue"); !built {
		opt.Logfmt = "logfmt"
	}
	return opt
}
