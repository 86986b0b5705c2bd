// Package sdk holds what authors of plugins build on, so that a new plugin can
// be begun without a network. ABI.md says what lies below it.
package sdk

import "embed"

// Files are the sources of the SDKs, by language.
//
//go:embed c/*.h rust/src/*.rs rust/Cargo.toml rust/Cargo.lock assemblyscript/*.ts go/tm/*.go
var Files embed.FS
