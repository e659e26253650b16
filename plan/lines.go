package plan

// AppendEntry appends an entry as it stands in a plan file, on one line and
// without a line end.
func AppendEntry(b []byte, e *Entry) []byte { return appendEntry(b, e, appendHexSum) }

// AppendDeleted appends a deleted path as it stands in a plan file.
func AppendDeleted(b []byte, path string) []byte { return appendDeleted(b, path) }
