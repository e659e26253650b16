package plan

import _ "embed"

//go:embed schema.json
var schema string

// Schema returns the JSON Schema (draft 2020-12) of a plan file. It knows
// every key and type, but not what only a whole plan shows, such as the order
// of its entries or the digest.
func Schema() []byte { return []byte(schema) }
