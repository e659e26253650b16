package execute

import _ "embed"

//go:embed report.schema.json
var schema string

// Schema returns the JSON Schema (draft 2020-12) of a Report.
func Schema() []byte { return []byte(schema) }
