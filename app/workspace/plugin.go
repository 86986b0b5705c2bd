package workspace

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// Plugin is a module in plugins/ and what the file beside it says.
type Plugin struct {
	// Name is the module's file name without .wasm.
	Name string
	// File is the module, relative to the workspace with slashes, or "" when
	// only settings stand there: those of a bundled plugin.
	File string
	// SettingsFile is the YAML beside it, or "".
	SettingsFile string
	Settings     PluginSettings
}

// PluginSettings is what the .yaml beside a plugin may say.
type PluginSettings struct {
	At        yamlfile.At
	Enabled   bool           `yaml:"enabled" doc:"false keeps the plugin from being loaded."`
	Config    map[string]any `yaml:"config" doc:"Handed to the plugin when it starts."`
	Memory    yamlfile.Size  `yaml:"memory" doc:"The most memory it may have: 64MB. 0 is the host's default."`
	Deadline  time.Duration  `yaml:"deadline" doc:"The longest that one call may take: 500ms. 0 is the host's default."`
	OnFailure string         `yaml:"on_failure" enum:"stop|skip|pass" doc:"What becomes of records while the plugin is suspended because it keeps failing: stop, skip (to quarantine) or pass (as they are)."`
	Fields    []string       `yaml:"fields" doc:"The paths it is given, instead of those it declares."`
}

func (w *Workspace) loadPlugins(lookup LookupEnv) error {
	files, err := w.files("plugins", ".wasm")
	if err != nil {
		return err
	}
	var problems []error
	for _, file := range files {
		base := strings.TrimSuffix(file, ".wasm")
		p := Plugin{Name: strings.TrimPrefix(base, "plugins/"), File: file, Settings: PluginSettings{Enabled: true}}
		src, err := os.ReadFile(w.Path(base + ".yaml"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			problems = append(problems, engine.Errorf(engine.Unavailable, "open workspace", "%w", err))
		default:
			p.SettingsFile = base + ".yaml"
			problems = append(problems, decodeSettings(p.SettingsFile, src, lookup, &p.Settings))
		}
		w.Plugins = append(w.Plugins, p)
	}
	problems = append(problems, w.loadSettings(lookup))
	return errors.Join(problems...)
}

// loadSettings takes in the settings that stand beside no module.
func (w *Workspace) loadSettings(lookup LookupEnv) error {
	files, err := w.files("plugins", ".yaml")
	if err != nil {
		return err
	}
	var problems []error
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "plugins/"), ".yaml")
		if _, has := w.Plugin(name); has {
			continue
		}
		src, err := os.ReadFile(w.Path(file))
		if err != nil {
			problems = append(problems, engine.Errorf(engine.Unavailable, "open workspace", "%w", err))
			continue
		}
		p := Plugin{Name: name, SettingsFile: file, Settings: PluginSettings{Enabled: true}}
		problems = append(problems, decodeSettings(file, src, lookup, &p.Settings))
		w.Plugins = append(w.Plugins, p)
	}
	return errors.Join(problems...)
}

func decodeSettings(file string, src []byte, lookup LookupEnv, s *PluginSettings) error {
	d := yamlfile.Decoder{File: file, Unknown: hasVariable}
	if lookup != nil {
		d.Expand, d.Unknown = lookup.expand, nil
	}
	return d.Decode(src, s)
}

// Plugin finds a plugin of the workspace by name.
func (w *Workspace) Plugin(name string) (Plugin, bool) {
	for _, p := range w.Plugins {
		if p.Name == name {
			return p, true
		}
	}
	return Plugin{}, false
}
