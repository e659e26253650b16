package main

import "slices"

// report is what --json writes.
type report struct {
	Format   string      `json:"format"`
	Version  int         `json:"version"`
	At       string      `json:"at"`
	Machine  machine     `json:"machine"`
	Data     []dataFacts `json:"data"`
	Skipped  []string    `json:"skipped,omitempty"`
	NotFound []string    `json:"not_found,omitempty"`
	Medians  []median    `json:"medians"`
	Bars     []verdict   `json:"bars"`
	Checked  int         `json:"checks_passed"`
	Failures []string    `json:"failures,omitempty"`
	Records  []record    `json:"records"`
}

type dataFacts struct {
	Name string `json:"name"`
	treeSize
}

// record is one measurement of one trial.
type record struct {
	Data      string     `json:"data"`
	Scenario  string     `json:"scenario"`
	Contender string     `json:"contender"`
	Round     int        `json:"round"`
	Parts     []partCost `json:"parts"`
	Total     cost       `json:"total"`
	Synced    float64    `json:"wall_with_sync_s"`
	Growth    usage      `json:"growth"`
}

type partCost struct {
	Name string `json:"name"`
	cost
}

// median sums up the rounds of one trial, figure by figure.
type median struct {
	Data      string     `json:"data"`
	Scenario  string     `json:"scenario"`
	Contender string     `json:"contender"`
	Rounds    int        `json:"rounds"`
	Parts     []partCost `json:"parts"`
	Total     cost       `json:"total"`
	Synced    float64    `json:"wall_with_sync_s"`
	Growth    usage      `json:"growth"`
}

// order is that of lines in results.
var order = []string{phlbName, "phlb-default", "phlb-base", copierName, mixedName, finder, hasher, twoTimes, "rsync", "restic", "borg", pythonName}

// medians groups records by trial, in the order of data sets and scenarios as
// they were run, and of contenders as they are known.
func medians(records []record) []median {
	type key struct{ data, scenario, contender string }
	groups := map[key][]record{}
	sections := map[[2]string]int{}
	var keys []key
	for _, r := range records {
		k := key{r.Data, r.Scenario, r.Contender}
		if groups[k] == nil {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], r)
		if section := [2]string{r.Data, r.Scenario}; sections[section] == 0 {
			sections[section] = len(sections) + 1
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if d := sections[[2]string{a.data, a.scenario}] - sections[[2]string{b.data, b.scenario}]; d != 0 {
			return d
		}
		return slices.Index(order, a.contender) - slices.Index(order, b.contender)
	})
	var out []median
	for _, k := range keys {
		out = append(out, medianOf(groups[k]))
	}
	return out
}

// medianOf sums up the rounds of one trial, all of the same parts.
func medianOf(rounds []record) median {
	r := rounds[0]
	m := median{Data: r.Data, Scenario: r.Scenario, Contender: r.Contender, Rounds: len(rounds)}
	for i, p := range r.Parts {
		m.Parts = append(m.Parts, partCost{p.Name, medianCost(rounds, func(r record) cost { return r.Parts[i].cost })})
	}
	m.Total = medianCost(rounds, func(r record) cost { return r.Total })
	m.Synced = middle(rounds, func(r record) float64 { return r.Synced })
	m.Growth.Bytes = int64(middle(rounds, func(r record) float64 { return float64(r.Growth.Bytes) }))
	m.Growth.Inodes = int64(middle(rounds, func(r record) float64 { return float64(r.Growth.Inodes) }))
	return m
}

func medianCost(rounds []record, of func(record) cost) cost {
	return cost{
		Wall: middle(rounds, func(r record) float64 { return of(r).Wall }),
		CPU:  middle(rounds, func(r record) float64 { return of(r).CPU }),
		RSS:  middle(rounds, func(r record) float64 { return of(r).RSS }),
	}
}

// middle is the median of one figure; of an even number of rounds, the mean of
// the two in the middle.
func middle[T any](rounds []T, of func(T) float64) float64 {
	var values []float64
	for _, r := range rounds {
		values = append(values, of(r))
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}

// part is the cost of a part by its name.
func (m median) part(name string) (cost, bool) {
	for _, p := range m.Parts {
		if p.Name == name {
			return p.cost, true
		}
	}
	return cost{}, false
}

// find is the median of one trial.
func find(list []median, data, scenario, contender string) (median, bool) {
	for _, m := range list {
		if m.Data == data && m.Scenario == scenario && m.Contender == contender {
			return m, true
		}
	}
	return median{}, false
}
