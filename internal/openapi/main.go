// Command openapi writes the description of the HTTP API that the page's
// client is made from. Run it in the root of the repository.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"tidemark.dev/tidemark/app/server"
)

// file is where the description lies.
const file = "frontend/src/api/openapi.json"

func main() {
	if err := write(file); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func write(to string) error {
	text, err := server.OpenAPI()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, append(text, '\n'), 0o644)
}
