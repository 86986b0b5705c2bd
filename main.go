// Tidemark is a workbench for streams of events.
package main

import (
	"os"

	"tidemark.dev/tidemark/app/cli"
)

func main() { os.Exit(cli.Main()) }
