package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// WriteJSON writes a result as an indented JSON document. Unlike what
// json.Marshal makes, < > & stay as they are.
func WriteJSON(w io.Writer, result any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(result); err != nil {
		return fmt.Errorf("write JSON result: %w", err)
	}
	return nil
}

// jsonLine encodes v as one line. Unlike json.Marshal it leaves < > & alone.
func jsonLine(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return b.Bytes(), nil
}

// writeLines writes one JSON object: the members of head, then an array with
// an element a line, written as they come, then the members of rest.
func writeLines(w io.Writer, head any, array string, each func(line func(any) error) error, rest any) error {
	start, err := jsonMembers(head)
	if err != nil {
		return err
	}
	end, err := members(rest, "")
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s,\n %q: [", start, array)
	separator := "\n"
	err = each(func(element any) error {
		text, err := jsonLine(element)
		if err != nil {
			return err
		}
		_, err = b.WriteString(separator + string(bytes.TrimSuffix(text, []byte("\n"))))
		separator = ",\n"
		return err
	})
	if err == nil {
		fmt.Fprintf(b, "\n ],\n%s\n", end)
		err = b.Flush()
	}
	if err != nil {
		return fmt.Errorf("write JSON result: %w", err)
	}
	return nil
}

// jsonMembers returns an object without its closing brace.
func jsonMembers(object any) (string, error) {
	text, err := members(object, "")
	return "{\n" + text[:max(0, len(text)-len("\n}"))], err
}
