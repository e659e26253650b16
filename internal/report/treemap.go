package report

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	mapShares = 60  // rectangles at most
	mapHues   = 8   // colours of the style sheet
	mapAspect = 2.6 // width by height of the whole map, about
)

// mapCell is one rectangle of a treemap, in percent of the whole.
type mapCell struct {
	X, Y, W, H         string
	Hue                int
	Title, Label, Size string
	Search             string // what selects it in the list
}

// treemap lays out what is copied by directory: one rectangle a share, those
// of one top directory together and in one colour.
func treemap(r *rollup) []mapCell {
	groups := groupShares(r.shares(mapShares))
	weights := make([]float64, len(groups))
	for i, g := range groups {
		weights[i] = float64(g.size)
	}
	var cells []mapCell
	for i, area := range squarify(weights, rect{0, 0, 100 * mapAspect, 100}) {
		inner := make([]float64, len(groups[i].shares))
		for k, s := range groups[i].shares {
			inner[k] = float64(s.size)
		}
		for k, part := range squarify(inner, area) {
			cells = append(cells, newCell(&groups[i].shares[k], part, i%mapHues))
		}
	}
	return cells
}

type shareGroup struct {
	top    string
	size   int64
	shares []share
}

// groupShares groups shares that have bytes by top directory, the largest
// first.
func groupShares(shares []share) []shareGroup {
	var groups []shareGroup
	for _, s := range shares {
		if s.size <= 0 {
			continue
		}
		top, _, _ := strings.Cut(s.path, "/")
		i := slices.IndexFunc(groups, func(g shareGroup) bool { return g.top == top })
		if i < 0 {
			i = len(groups)
			groups = append(groups, shareGroup{top: top})
		}
		groups[i].size += s.size
		groups[i].shares = append(groups[i].shares, s)
	}
	slices.SortStableFunc(groups, func(a, b shareGroup) int { return cmp.Compare(b.size, a.size) })
	return groups
}

func newCell(s *share, r rect, hue int) mapCell {
	view := DirectoryView{Files: s.files, Bytes: s.size, Rest: s.rest, Other: s.path == "", Path: NewPath(s.path)}
	label := directoryName(view)
	c := mapCell{
		X: inPercent(r.x / mapAspect), Y: inPercent(r.y), W: inPercent(r.w / mapAspect), H: inPercent(r.h), Hue: hue,
		Title: label + ": " + Bytes(s.size) + ", " + files(s.files), Size: Bytes(s.size),
	}
	if !view.Other && s.path != "." {
		c.Search = Name(s.path) + "/"
	}
	if r.w/mapAspect > 6 && r.h > 10 {
		c.Label = label
	}
	return c
}

func inPercent(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }

type rect struct{ x, y, w, h float64 }

// squarify splits an area among weights, the largest first, into rectangles
// as square as may be (Bruls, Huizing and van Wijk: Squarified Treemaps).
func squarify(weights []float64, area rect) []rect {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	out := make([]rect, 0, len(weights))
	for len(weights) > 0 {
		scale := area.w * area.h / total
		n, sum := 1, weights[0]
		for n < len(weights) && worstAspect(weights[:n+1], sum+weights[n], scale, area) <= worstAspect(weights[:n], sum, scale, area) {
			sum += weights[n]
			n++
		}
		var strip []rect
		strip, area = layStrip(weights[:n], sum, sum/total, area)
		out = append(out, strip...)
		total -= sum
		weights = weights[n:]
	}
	return out
}

// worstAspect is how far from square a strip's rectangles would be.
func worstAspect(weights []float64, sum, scale float64, area rect) float64 {
	side := min(area.w, area.h)
	thick := sum * scale / side
	worst := 0.0
	for _, w := range weights {
		long := w * scale / thick
		worst = math.Max(worst, math.Max(long/thick, thick/long))
	}
	return worst
}

// layStrip puts weights along the shorter side and returns what is left.
func layStrip(weights []float64, sum, share float64, area rect) (strip []rect, left rect) {
	left = area
	at := 0.0
	for _, w := range weights {
		part := w / sum
		if area.w >= area.h {
			strip = append(strip, rect{area.x, area.y + at*area.h, area.w * share, part * area.h})
		} else {
			strip = append(strip, rect{area.x + at*area.w, area.y, part * area.w, area.h * share})
		}
		at += part
	}
	if area.w >= area.h {
		left.x, left.w = area.x+area.w*share, area.w*(1-share)
	} else {
		left.y, left.h = area.y+area.h*share, area.h*(1-share)
	}
	return strip, left
}
