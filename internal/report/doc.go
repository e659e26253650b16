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
// With the mode json, progress is one object a line:
//
//		{"event":"progress","time":"2026-11-23T14:00:07Z","phase":"apply",
//		 "files":1234,"bytes":5678,"total_files":5000,"total_bytes":99999,
//		 "rate_bps":1048576,"eta_s":81,"path":"big/file.iso"}
//
//	  - event: start, progress, warning or end. Of progress there is at most
//	    one a second and phase; the others are never held back.
//	  - time: UTC, RFC 3339, to the second.
//	  - phase: scan, plan, apply, verify, rebuild, repair, compare, restore,
//	    prune or benchmark.
//	  - files, bytes: done so far in this phase.
//	  - total_files, total_bytes: absent when not known.
//	  - rate_bps: bytes a second, a moving average; at the end over all the
//	    phase. Absent when not known.
//	  - eta_s: seconds left; absent when the totals are not known.
//	  - path (or path_b64): the large file being worked on; of a warning what
//	    it is about.
//	  - message: the text of a warning, or why a phase did not get to its end.
//	  - duration_s: at the end, the seconds the phase took.
package report
