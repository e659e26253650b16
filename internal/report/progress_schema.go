package report

import _ "embed"

//go:embed progress.schema.json
var progressSchema string

// ProgressSchema returns the JSON Schema (draft 2020-12) of one line of progress
// in JSON.
func ProgressSchema() []byte { return []byte(progressSchema) }
