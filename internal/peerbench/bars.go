package main

// bar is what phlb has set out to reach.
type bar struct {
	what  string
	limit float64
	unit  string // "" for a ratio
	reach func(f figures) (reached float64, known bool)
}

// figures are what bars are judged by.
type figures struct {
	medians []median
	data    []dataFacts
}

// verdict is a bar and what came of it.
type verdict struct {
	What    string  `json:"what"`
	Limit   float64 `json:"limit"`
	Reached float64 `json:"reached"`
	Unit    string  `json:"unit,omitempty"`
	OK      bool    `json:"ok"`
}

// barsFor are all bars. Those that need what was not measured are left out by
// judge.
func barsFor(o options) []bar {
	bars := []bar{
		versus(first, "kernel", copierName, 1.0),
		versus(first, "kernel", "rsync", 1.0),
		versus(first, "kernel", "restic", 1.0),
		versus(first, "kernel", "borg", 1.0),
		versus(first, "large", copierName, 1.1),
		versus(again, "kernel", copierName, 1.0),
		versus(again, "kernel", "rsync", 0.15),
		versus(again, "kernel", "restic", 0.4),
		versus(day, "kernel", copierName, 1.3),
		versus(day, "kernel", "rsync", 0.2),
		versus(day, "kernel", "restic", 0.5),
		versus(look, "kernel", finder, 1.0),
		versus(look, "tiny", finder, 1.0),
		versus(verify, "kernel", hasher, 0.6),
		versus(verify, "large", hasher, 0.6),
		versus(verify, "tiny", hasher, 0.6),
	}
	small, large := scaleName(o.scaleFiles[0]), scaleName(o.scaleFiles[1])
	for _, scenario := range []string{scale + "/" + first, scale + "/" + again, scale + "/" + day} {
		bars = append(bars,
			memory(scenario, large, "plan"), memory(scenario, large, "apply"), perFile(scenario, large, small))
	}
	return bars
}

// versus bounds phlb's time by a peer's.
func versus(scenario, data, peer string, limit float64) bar {
	what := scenario + " " + data + ": phlb / " + peer
	if scenario == first {
		what += " with sync"
	}
	return bar{what: what, limit: limit, reach: func(f figures) (float64, bool) {
		ours, a := find(f.medians, data, scenario, phlbName)
		theirs, b := find(f.medians, data, scenario, peer)
		return ratio(ours.Total.Wall, theirs.Total.Wall), a && b
	}}
}

func memory(scenario, data, part string) bar {
	what := scenario + " " + data + ": peak memory of " + part
	return bar{what: what, limit: 300, unit: "MiB", reach: func(f figures) (float64, bool) {
		m, known := find(f.medians, data, scenario, phlbName)
		c, has := m.part(part)
		return c.RSS, known && has
	}}
}

// perFile bounds how the time of a file grows with the number of files.
func perFile(scenario, large, small string) bar {
	what := scenario + ": time a file, " + large + " / " + small
	return bar{what: what, limit: 1.15, reach: func(f figures) (float64, bool) {
		l, a := f.perFile(large, scenario)
		s, b := f.perFile(small, scenario)
		return ratio(l, s), a && b
	}}
}

func (f figures) perFile(data, scenario string) (float64, bool) {
	m, known := find(f.medians, data, scenario, phlbName)
	return ratio(m.Total.Wall, float64(filesOf(f.data, data))), known
}

func filesOf(data []dataFacts, name string) int {
	for _, d := range data {
		if d.Name == name {
			return d.Files
		}
	}
	return 0
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func judge(bars []bar, medians []median, data []dataFacts) []verdict {
	var verdicts []verdict
	for _, b := range bars {
		if reached, known := b.reach(figures{medians, data}); known {
			verdicts = append(verdicts, verdict{b.what, b.limit, reached, b.unit, reached <= b.limit})
		}
	}
	return verdicts
}
