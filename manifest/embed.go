package manifest

import _ "embed"

var (
	//go:embed starter.yaml
	starter string
	//go:embed schema.json
	schema string
)

// Starter returns a commented manifest to start from.
func Starter() []byte { return []byte(starter) }

// Schema returns the JSON Schema (draft 2020-12) of a manifest. It knows every
// key and type, but not what only a whole manifest shows, such as duplicate
// names.
func Schema() []byte { return []byte(schema) }
