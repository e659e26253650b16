package metrics

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Label is one label of a sample.
type Label struct{ Name, Value string }

// Sample is one value of a metric.
type Sample struct {
	Name   string
	Labels []Label
	Value  float64
}

func (s *Sample) label(name string) string {
	for _, l := range s.Labels {
		if l.Name == name {
			return l.Value
		}
	}
	return ""
}

// in returns the sample as one of a file of this name: a file may have been
// renamed since.
func (s *Sample) in(file string) Sample {
	moved := Sample{s.Name, []Label{{"file", file}}, s.Value}
	for _, l := range s.Labels {
		if l.Name != "file" {
			moved.Labels = append(moved.Labels, l)
		}
	}
	return moved
}

// Render writes samples in Prometheus's text format, version 0.0.4. Those of
// one metric must stand together, as Update returns them.
func Render(samples []Sample) []byte {
	var b bytes.Buffer
	families := Families()
	name := ""
	for _, s := range samples {
		if s.Name != name {
			name = s.Name
			if i := place(name); i >= 0 {
				fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, families[i].Help, name)
			}
		}
		b.WriteString(s.Name)
		for i, l := range s.Labels {
			b.WriteByte("{,"[min(i, 1)])
			fmt.Fprintf(&b, `%s="%s"`, l.Name, escape(l.Value))
		}
		if len(s.Labels) > 0 {
			b.WriteByte('}')
		}
		fmt.Fprintf(&b, " %s\n", strconv.FormatFloat(s.Value, 'f', -1, 64))
	}
	return b.Bytes()
}

// escape writes a label's value as the format wants it.
func escape(value string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(value, "\uFFFD"))
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+(\S+)$`)
	labelPair  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\n"])*)"(,|$)`)
)

// Parse reads what Render wrote. It is stricter than the format: a file that
// something else has written into is an error, which names the line.
func Parse(text []byte) ([]Sample, error) {
	var samples []Sample
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("it is not UTF-8")
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		s, err := parseSample(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		samples = append(samples, s)
	}
	return samples, nil
}

func parseSample(line string) (Sample, error) {
	m := sampleLine.FindStringSubmatch(line)
	if m == nil {
		return Sample{}, fmt.Errorf("no sample: %.100q", line)
	}
	s := Sample{Name: m[1]}
	for rest := m[2]; rest != ""; {
		pair := labelPair.FindStringSubmatch(rest)
		if pair == nil {
			return Sample{}, fmt.Errorf("no label: %.100q", rest)
		}
		value := strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`).Replace(pair[2])
		s.Labels = append(s.Labels, Label{pair[1], value})
		rest = rest[len(pair[0]):]
	}
	var err error
	if s.Value, err = strconv.ParseFloat(m[3], 64); err != nil {
		return Sample{}, fmt.Errorf("no number: %.100q", m[3])
	}
	return s, nil
}
