package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workspace"
)

func (a *app) schemaOfVerb() *cobra.Command {
	return &cobra.Command{
		Use:       "schema-of " + strings.Join(workspace.SchemaKinds(), "|"),
		Short:     "Print the JSON Schema of a kind of file",
		Args:      cobra.ExactArgs(1),
		ValidArgs: workspace.SchemaKinds(),
		RunE: func(_ *cobra.Command, args []string) error {
			schema, err := workspace.SchemaOf(args[0])
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(schema)
			return err
		},
	}
}
