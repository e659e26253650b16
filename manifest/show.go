package manifest

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"

	"gopkg.in/yaml.v3"

	"phlb/internal/retain"
)

// YAML returns m as a manifest with every default filled in and every variable
// expanded, secrets included. Parsed again, it is equal to m but for what says
// where something came from (Path, SHA256, positions, Pattern.Builtin).
func (m *Manifest) YAML() ([]byte, error) {
	top := &mapping{}
	top.add("version", whole(m.Version))
	top.add("destination", text(m.Destination))
	top.add("create_destination", boolean(m.CreateDestination))
	top.addFilled("destination_require", showDestinationRequire(m.DestinationRequire))
	if m.RootID != "" {
		top.add("root_id", text(m.RootID))
	}
	top.add("timezone", text(m.Timezone))
	workers := whole(m.Workers)
	if m.Workers == 0 {
		workers.LineComment = "number of CPUs"
	}
	top.add("workers", workers)
	sources := &yaml.Node{Kind: yaml.SequenceNode}
	for _, s := range m.Sources {
		sources.Content = append(sources.Content, showSource(s).node())
	}
	top.add("sources", sources)

	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(top.node()); err != nil {
		return nil, fmt.Errorf("write manifest as YAML: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("write manifest as YAML: %w", err)
	}
	return b.Bytes(), nil
}

func showSource(s Source) *mapping {
	m := &mapping{}
	m.add("name", text(s.Name))
	m.add("path", text(s.Path))
	// The list that follows is the effective one, built-in patterns included.
	m.add("excludes_replace", boolean(true))
	m.add("excludes", showPatterns(s.Excludes))
	m.add("exclude_if_present", list(s.ExcludeIfPresent, text))
	m.add("exclude_caches", boolean(s.ExcludeCaches))
	limit := size(s.MaxFileSize)
	if s.MaxFileSize == 0 {
		limit.LineComment = "no limit"
	}
	m.add("max_file_size", limit)
	m.add("one_file_system", boolean(s.OneFileSystem))
	m.add("change_detection", text(string(s.ChangeDetection)))
	m.add("link_match", text(string(s.LinkMatch)))
	m.add("small_files", text(string(s.SmallFiles)))
	m.add("small_file_threshold", size(s.SmallFileThreshold))
	m.addFilled("require", showRequire(s.Require))
	m.addFilled("guards", showGuards(s.Guards))
	m.add("skip_if_unchanged", boolean(s.SkipIfUnchanged))
	m.addFilled("retention", showRetention(s.Retention))
	m.addFilled("hooks", showHooks(s.Hooks))
	return m
}

func showPatterns(patterns []Pattern) *yaml.Node {
	return list(patterns, func(p Pattern) *yaml.Node {
		n := text(p.Text)
		if p.Builtin {
			n.LineComment = "built in"
		}
		return n
	})
}

func showDestinationRequire(r DestinationRequire) *mapping {
	return showRequire(Require{Mountpoint: r.Mountpoint, Sentinel: r.Sentinel})
}

func showRequire(r Require) *mapping {
	m := &mapping{}
	if r.Mountpoint {
		m.add("mountpoint", boolean(true))
	}
	if r.Sentinel != "" {
		m.add("sentinel", text(r.Sentinel))
	}
	if r.MinFiles != 0 {
		m.add("min_files", whole(r.MinFiles))
	}
	return m
}

func showGuards(g Guards) *mapping {
	m := &mapping{}
	if g.MaxDeletedPercent != nil {
		m.add("max_deleted_percent", percent(*g.MaxDeletedPercent))
	}
	if g.MaxChangedPercent != nil {
		m.add("max_changed_percent", percent(*g.MaxChangedPercent))
	}
	if g.MinFree != nil {
		m.add("min_free", size(*g.MinFree))
	}
	return m
}

func showRetention(p *retain.Policy) *mapping {
	m := &mapping{}
	if p == nil {
		return m
	}
	m.addCount("keep_last", p.KeepLast)
	m.addSpan("keep_within", p.KeepWithin)
	m.addCount("keep_hourly", p.KeepHourly)
	m.addCount("keep_daily", p.KeepDaily)
	m.addCount("keep_weekly", p.KeepWeekly)
	m.addCount("keep_monthly", p.KeepMonthly)
	m.addCount("keep_yearly", p.KeepYearly)
	m.addSpan("keep_within_hourly", p.KeepWithinHourly)
	m.addSpan("keep_within_daily", p.KeepWithinDaily)
	m.addSpan("keep_within_weekly", p.KeepWithinWeekly)
	m.addSpan("keep_within_monthly", p.KeepWithinMonthly)
	m.addSpan("keep_within_yearly", p.KeepWithinYearly)
	return m
}

func showHooks(h Hooks) *mapping {
	m := &mapping{}
	for _, hook := range []struct {
		key      string
		commands []string
	}{{"before", h.Before}, {"after", h.After}, {"on_error", h.OnError}} {
		if len(hook.commands) > 0 {
			m.add(hook.key, list(hook.commands, verbatim))
		}
	}
	if len(m.content) > 0 || h.Timeout != DefaultHookTimeout {
		m.add("timeout", text(h.Timeout.String()))
	}
	if h.Ping != "" {
		m.add("ping", text(h.Ping))
	}
	return m
}

// mapping is the keys and values of a YAML mapping, in order.
type mapping struct{ content []*yaml.Node }

func (m *mapping) add(key string, v *yaml.Node) {
	m.content = append(m.content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, v)
}

// addFilled adds a mapping that has at least one key.
func (m *mapping) addFilled(key string, v *mapping) {
	if len(v.content) > 0 {
		m.add(key, v.node())
	}
}

func (m *mapping) addCount(key string, n int) {
	if n != 0 {
		m.add(key, whole(n))
	}
}

func (m *mapping) addSpan(key string, s retain.Span) {
	if !s.IsZero() {
		m.add(key, text(s.String()))
	}
}

func (m *mapping) node() *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: m.content}
}

func list[E any](items []E, item func(E) *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, i := range items {
		n.Content = append(n.Content, item(i))
	}
	if len(items) == 0 {
		n.Style = yaml.FlowStyle
	}
	return n
}

// harmless strings need no quotes, unless they look like another type, which
// the encoder knows.
var harmless = regexp.MustCompile(`^[A-Za-z0-9_./][A-Za-z0-9_./-]*$`)

// text is a string whose variables the parser would expand.
func text(s string) *yaml.Node { return verbatim(escapeVariables(s)) }

// verbatim is a string that the parser takes as it is.
func verbatim(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if !harmless.MatchString(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func number(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

func whole[I int | int64](n I) *yaml.Node { return number(strconv.FormatInt(int64(n), 10)) }

func size(n int64) *yaml.Node { return number(formatSize(n)) }

func percent(f float64) *yaml.Node { return number(strconv.FormatFloat(f, 'f', -1, 64)) }

func boolean(b bool) *yaml.Node { return number(strconv.FormatBool(b)) }
