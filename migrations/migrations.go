// Package migrations holds the database's schema as numbered SQL files, one folder per engine. Both folders have
// the same numbers, and the schemas they make have the same tables, columns, rules and indexes; only types differ,
// where the engines do. A file that was released does not change: what changes is another file.
//
// Package store applies them; it is the only package that does.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// FS returns the folders "postgres" and "sqlite".
func FS() fs.FS { return files }
