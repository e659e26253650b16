package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestTopics: topics are short, fit a terminal, and are no commands.
func TestTopics(t *testing.T) {
	names := map[string]bool{}
	for _, c := range commands() {
		names[c.Name()] = true
	}
	for _, topic := range topics() {
		text, err := topic.text()
		if err != nil {
			t.Fatal(err)
		}
		if names[topic.name] {
			t.Errorf("%s is a command", topic.name)
		}
		if n := strings.Count(text, "\n"); n < 8 || n > 48 || !strings.HasSuffix(text, "\n") || strings.HasSuffix(text, "\n\n") {
			t.Errorf("%s: %d lines, or none at its end", topic.name, n)
		}
		for line := range strings.Lines(text) {
			if utf8.RuneCountInString(line) > helpWidth+1 || strings.Contains(line, "\t") {
				t.Errorf("%s: %q does not fit", topic.name, line)
			}
		}
	}
}
