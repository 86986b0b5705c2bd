package workspace

// DecodeConfig and DecodeSettings read tidemark.yaml and the file beside a
// plugin, with every variable set.
func DecodeConfig(file string, src []byte) (Config, error) {
	return decodeConfig(file, src, everything)
}

func DecodeSettings(file string, src []byte) error {
	return decodeSettings(file, src, everything, &PluginSettings{})
}

func everything(string) (string, bool) { return "https://hooks.slack.com/x", true }
