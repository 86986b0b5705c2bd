package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tidemark.dev/tidemark/engine"
)

// usageErrors makes every complaint about arguments one of wrong usage, which
// says how the verb is used.
func usageErrors(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err == nil || engine.KindOf(err) != engine.Internal {
				return err
			}
			return engine.Errorf(engine.Invalid, "", "%s: %w", cmd.CommandPath(), err).WithHint("usage: %s", cmd.UseLine())
		}
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
}

// noSuchVerb is what the root, or a verb that only groups others, says to
// arguments.
func (a *app) noSuchVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	err := engine.Errorf(engine.Invalid, "", "there is no verb %s", strings.TrimPrefix(cmd.CommandPath()+" "+args[0], "tidemark "))
	if near := engine.Nearest(args[0], names); near != "" {
		return err.WithHint("did you mean %s?", near)
	}
	return err.WithHint("%s --help lists the verbs", cmd.CommandPath())
}

// flagError is what is said about a flag that cannot be read.
func flagError(cmd *cobra.Command, err error) error {
	e := engine.Errorf(engine.Invalid, "", "%s: %w", cmd.CommandPath(), err)
	if name, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := engine.Nearest(name, names); near != "" {
			return e.WithHint("did you mean --%s?", near)
		}
	}
	return e.WithHint("%s --help lists the flags", cmd.CommandPath())
}

// asksForJSON looks for --json on a line that could not be read.
func asksForJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}
