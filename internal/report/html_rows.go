package report

import (
	"bufio"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"phlb/plan"
)

const (
	rowsInBlock = 2000
	// maxReasons bounds the reasons that are remembered to be told once.
	maxReasons = 4096
	quietBit   = 1 << 6
	changeBits = 3 // above those of the action
)

// rowList writes entries into a page, as blocks of JSON that its script reads.
// A row is [code, size, kept, rest, reason, target]: code holds action, change
// and whether it changed quietly; size is -1 where there is none; the path is
// the first kept UTF-16 units of the path before and the rest; a reason is a
// string the first time and its number after that; a target stands only where
// the script cannot tell it.
type rowList struct {
	w        *bufio.Writer
	selected *selector
	limit    int64
	skipSame bool   // unchanged entries are left out
	note     string // about what is left out

	source  int
	parent  string // of the source, with a slash
	rows    int    // in the open block, -1: none is open
	listed  int64
	last    []rune
	reasons map[string]int
	told    int // reasons that the script knows
	line    []byte
}

func newRowList(w *bufio.Writer, s *selector) *rowList {
	return &rowList{w: w, selected: s, limit: maxListed, source: -1, rows: -1, reasons: map[string]int{"": 0}, told: 1}
}

// budget decides what is left out of a large plan: first what is unchanged.
func (l *rowList) budget(s *PlanSummary) {
	var all, same int64
	for i := range s.Sources {
		src := &s.Sources[i]
		all += src.Deleted.Files
		for _, a := range src.ByAction {
			all += a.Files
			for _, c := range a.ByChange {
				if c.Change == plan.ChangeUnchanged {
					same += c.Files
				}
			}
		}
	}
	if all <= l.limit {
		return
	}
	l.skipSame = true
	l.note = Count(same) + " unchanged entries are left out"
	if rest := all - same - l.limit; rest > 0 {
		l.note += ", and the last " + Count(rest) + " others"
	}
	l.note += ": a page holds " + Count(l.limit) + ". phlb show --entries lists all of them."
}

func (l *rowList) visitor() plan.Visitor {
	return plan.Visitor{
		Source: func(s *plan.Source) error {
			l.source++
			l.parent = ""
			if s.Parent != nil {
				l.parent = *s.Parent + "/"
			}
			return l.shut()
		},
		Entry: func(e *plan.Entry) error {
			if !l.selected.entry(e) || l.skipSame && e.Change == plan.ChangeUnchanged {
				return nil
			}
			return l.entry(e)
		},
		Deleted: func(path string) error {
			if !l.selected.deleted(path) {
				return nil
			}
			return l.row(slices.Index(FilterActions(), Deleted), -1, path, "", "")
		},
	}
}

func (l *rowList) entry(e *plan.Entry) error {
	code := slices.Index(FilterActions(), string(e.Action))
	if e.Change != "" {
		code |= (slices.Index(FilterChanges(), string(e.Change)) + 1) << changeBits
	}
	if e.Quiet {
		code |= quietBit
	}
	size := int64(-1)
	if e.Action == plan.ActionCopy || e.Action == plan.ActionLink || e.Size > 0 {
		size = e.Size
	}
	target := e.Target
	if e.Action == plan.ActionLink && e.Change == plan.ChangeUnchanged && target == l.parent+e.Path && utf8.ValidString(target) {
		target = ""
	}
	return l.row(code, size, e.Path, e.Reason, target)
}

func (l *rowList) row(code int, size int64, path, reason, target string) error {
	if l.listed >= l.limit {
		return nil
	}
	l.listed++
	if err := l.open(); err != nil {
		return err
	}
	b := append(l.line[:0], "\n["...)
	if l.rows++; l.rows > 1 {
		b = append(l.line[:0], ",\n["...)
	}
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(strconv.AppendInt(append(b, ','), size, 10), ',')
	b, err := l.appendPath(b, path)
	if err != nil {
		return err
	}
	if b, err = l.appendReason(append(b, ','), text(reason)); err != nil {
		return err
	}
	if target != "" {
		if b, err = appendJSON(append(b, ','), Name(target)); err != nil {
			return err
		}
	}
	l.line = append(b, ']')
	if _, err := l.w.Write(l.line); err != nil {
		return err
	}
	if l.rows == rowsInBlock {
		return l.shut()
	}
	return nil
}

// appendPath appends how much of the path before stays, and the rest.
func (l *rowList) appendPath(b []byte, path string) ([]byte, error) {
	shown := []rune(Name(path))
	n := 0
	for n < len(shown) && n < len(l.last) && shown[n] == l.last[n] {
		n++
	}
	kept := 0
	for _, r := range shown[:n] {
		kept += utf16.RuneLen(r)
	}
	l.last = shown
	return appendJSON(append(strconv.AppendInt(b, int64(kept), 10), ','), string(shown[n:]))
}

func (l *rowList) appendReason(b []byte, reason string) ([]byte, error) {
	if n, known := l.reasons[reason]; known {
		return strconv.AppendInt(b, int64(n), 10), nil
	}
	if len(l.reasons) < maxReasons {
		l.reasons[reason] = l.told
	}
	l.told++
	return appendJSON(b, reason)
}

// appendJSON appends a string that is safe in a page: < > and & are escaped.
func appendJSON(b []byte, s string) ([]byte, error) {
	text, err := json.Marshal(s)
	return append(b, text...), err
}

func (l *rowList) open() error {
	if l.rows >= 0 {
		return nil
	}
	l.rows, l.last = 0, nil
	_, err := l.w.WriteString(`<script type="application/json" class="rows">{"s":` + strconv.Itoa(l.source) + `,"r":[`)
	return err
}

func (l *rowList) shut() error {
	if l.rows < 0 {
		return nil
	}
	l.rows = -1
	_, err := l.w.WriteString("]}</script>\n")
	return err
}

func (l *rowList) end() error { return l.shut() }
