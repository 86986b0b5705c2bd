package frontend

import _ "embed"

//go:embed icon.png
var icon []byte

// Icon is the program's icon, a PNG of 256 by 256.
func Icon() []byte { return icon }
