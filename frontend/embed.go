// Package frontend holds the page as it was built, and serves it. Its sources
// lie beside this file; what the page shows comes from app/server.
package frontend

import (
	"embed"
	"io/fs"
	"net/http"
)

// dist is what the build of the page leaves behind; before the first one it
// holds nothing.
//
//go:embed all:dist
var dist embed.FS

// Handler serves the page.
func Handler() http.Handler {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is in the program
	}
	return handler{files}
}
