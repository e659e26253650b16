// Package report makes everything that is for eyes: the review of a plan,
// the results of commands, and progress, each for people and as JSON.
//
// It decides nothing, reads no disk and knows neither the terminal nor the
// environment: writers, width, colours and the clock are given to it. It
// writes to the writers it is given and nowhere else. Only cmd imports it.
//
// Memory is bounded whatever the size of a plan: totals are counted, of
// lists only the heaviest few are held, directories are rolled up, and
// entries are listed as they stream by.
//
// Names come from file systems, where anything may be in them: control
// characters, text that turns the writing direction, bytes that are not
// UTF-8. A name that could be mistaken for something else is shown quoted,
// as a Go string literal.
//
// # JSON
//
// JSON results carry the same numbers as the tables, unrounded. A path that is
// not UTF-8 stands under path_b64 (standard base64) in place of path.
//
// # Text that others read
//
// Markdown and HTML go to where they are rendered. In Markdown a name is code,
// and so is every message that holds more than plain words. In HTML names go
// through html/template, or stand in JSON blocks without < > &.
//
// # JSON progress
//
// With the mode json, progress is one object a line: docs/progress.md says
// what is in them, progress.schema.json is their schema.
package report
