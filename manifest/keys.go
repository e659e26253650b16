package manifest

import (
	"math"
	"time"

	"phlb/internal/retain"
)

// maxWorkers is far beyond any use and keeps a typing error from starting a
// million of them.
const maxWorkers = 1024

// document is the top level while it is decoded. Defaults and sources wait:
// the former apply to the latter wherever in the file they stand.
type document struct {
	Manifest
	destination       located
	defaults, sources value
}

// layer is what defaults and each source may hold. Decoding into a copy of
// what is inherited overrides it; only excludes, which add up, wait in own.
type layer struct {
	Settings
	hooks   Hooks
	own     []Pattern
	replace bool
	origins map[string]Position // of each key that is given
}

// entry is one element of sources.
type entry struct {
	layer
	name, path located
	unnamed    bool // the name is the path's last element
	pos        Position
}

func documentFields() []field[document] {
	return []field[document]{
		one("version", readVersion, func(m *document) *int { return &m.Version }),
		one("destination", readPath, func(m *document) *located { return &m.destination }),
		one("create_destination", readBool, func(m *document) *bool { return &m.CreateDestination }),
		group("destination_require", destinationRequireFields(),
			func(m *document) DestinationRequire { return m.DestinationRequire },
			func(m *document, r DestinationRequire) { m.DestinationRequire = r }),
		one("root_id", readRootID, func(m *document) *string { return &m.RootID }),
		one("timezone", readTimezone, func(m *document) **time.Location { return &m.Location }),
		one("workers", readWhole(0, maxWorkers), func(m *document) *int { return &m.Workers }),
		{key: "defaults", keys: keysOf(layerFields()), set: func(_ *decoder, v value, m *document) { m.defaults = v }},
		{key: "sources", keys: keysOf(entryFields()), set: func(_ *decoder, v value, m *document) { m.sources = v }},
	}
}

func destinationRequireFields() []field[DestinationRequire] {
	return []field[DestinationRequire]{
		one("mountpoint", readBool, func(r *DestinationRequire) *bool { return &r.Mountpoint }),
		one("sentinel", readSentinel, func(r *DestinationRequire) *string { return &r.Sentinel }),
	}
}

func entryFields() []field[entry] {
	return append([]field[entry]{
		one("name", readText, func(e *entry) *located { return &e.name }),
		one("path", readPath, func(e *entry) *located { return &e.path }),
	}, lifted(layerFields(), func(e *entry) *layer { return &e.layer })...)
}

func layerFields() []field[layer] {
	return []field[layer]{
		one("excludes", readList("patterns", readPattern), func(l *layer) *[]Pattern { return &l.own }),
		one("excludes_replace", readBool, func(l *layer) *bool { return &l.replace }),
		one("exclude_if_present", readList("file names", readFileName), func(l *layer) *[]string { return &l.ExcludeIfPresent }),
		one("exclude_caches", readBool, func(l *layer) *bool { return &l.ExcludeCaches }),
		one("max_file_size", readSize(0), func(l *layer) *int64 { return &l.MaxFileSize }),
		one("one_file_system", readBool, func(l *layer) *bool { return &l.OneFileSystem }),
		one("change_detection", readEnum(DetectMetadata, DetectContent, DetectMtime), func(l *layer) *ChangeDetection { return &l.ChangeDetection }),
		one("link_match", readEnum(MatchPermissions, MatchContent, MatchMetadata), func(l *layer) *LinkMatch { return &l.LinkMatch }),
		one("small_files", readEnum(SmallFilesCopy, SmallFilesLink), func(l *layer) *SmallFiles { return &l.SmallFiles }),
		one("small_file_threshold", readSize(MinSmallFileThreshold), func(l *layer) *int64 { return &l.SmallFileThreshold }),
		group("require", requireFields(),
			func(l *layer) Require { return l.Require },
			func(l *layer, r Require) { l.Require = r }),
		group("guards", guardFields(),
			func(l *layer) Guards { return l.Guards },
			func(l *layer, g Guards) { l.Guards = g }),
		one("skip_if_unchanged", readBool, func(l *layer) *bool { return &l.SkipIfUnchanged }),
		group("retention", retentionFields(), policyOf, setPolicy),
		group("hooks", hookFields(),
			func(l *layer) Hooks { return l.hooks },
			func(l *layer, h Hooks) { l.hooks = h }),
	}
}

func requireFields() []field[Require] {
	return []field[Require]{
		one("mountpoint", readBool, func(r *Require) *bool { return &r.Mountpoint }),
		one("sentinel", readSentinel, func(r *Require) *string { return &r.Sentinel }),
		one("min_files", readWhole[int64](0, math.MaxInt64), func(r *Require) *int64 { return &r.MinFiles }),
	}
}

func guardFields() []field[Guards] {
	return []field[Guards]{
		one("max_deleted_percent", readPercent, func(g *Guards) **float64 { return &g.MaxDeletedPercent }),
		one("max_changed_percent", readPercent, func(g *Guards) **float64 { return &g.MaxChangedPercent }),
		one("min_free", readFree, func(g *Guards) **int64 { return &g.MinFree }),
	}
}

func retentionFields() []field[retain.Policy] {
	count := readWhole(0, math.MaxInt32)
	return []field[retain.Policy]{
		one("keep_last", count, func(p *retain.Policy) *int { return &p.KeepLast }),
		one("keep_hourly", count, func(p *retain.Policy) *int { return &p.KeepHourly }),
		one("keep_daily", count, func(p *retain.Policy) *int { return &p.KeepDaily }),
		one("keep_weekly", count, func(p *retain.Policy) *int { return &p.KeepWeekly }),
		one("keep_monthly", count, func(p *retain.Policy) *int { return &p.KeepMonthly }),
		one("keep_yearly", count, func(p *retain.Policy) *int { return &p.KeepYearly }),
		one("keep_within", readSpan, func(p *retain.Policy) *retain.Span { return &p.KeepWithin }),
		one("keep_within_hourly", readSpan, func(p *retain.Policy) *retain.Span { return &p.KeepWithinHourly }),
		one("keep_within_daily", readSpan, func(p *retain.Policy) *retain.Span { return &p.KeepWithinDaily }),
		one("keep_within_weekly", readSpan, func(p *retain.Policy) *retain.Span { return &p.KeepWithinWeekly }),
		one("keep_within_monthly", readSpan, func(p *retain.Policy) *retain.Span { return &p.KeepWithinMonthly }),
		one("keep_within_yearly", readSpan, func(p *retain.Policy) *retain.Span { return &p.KeepWithinYearly }),
	}
}

func policyOf(l *layer) retain.Policy {
	if l.Retention == nil {
		return retain.Policy{}
	}
	return *l.Retention
}

// setPolicy gives l a policy of its own; one without a rule is none.
func setPolicy(l *layer, p retain.Policy) {
	l.Retention = nil
	if !p.IsZero() {
		l.Retention = &p
	}
}

func hookFields() []field[Hooks] {
	commands := readList("commands", readCommand)
	return []field[Hooks]{
		one("before", commands, func(h *Hooks) *[]string { return &h.Before }),
		one("after", commands, func(h *Hooks) *[]string { return &h.After }),
		one("on_error", commands, func(h *Hooks) *[]string { return &h.OnError }),
		one("timeout", readDuration, func(h *Hooks) *time.Duration { return &h.Timeout }),
		one("ping", readURL, func(h *Hooks) *string { return &h.Ping }),
	}
}

// mappingKeys lists the keys that each mapping of a manifest may hold.
func mappingKeys() []struct {
	where string
	keys  []string
} {
	type mapping = struct {
		where string
		keys  []string
	}
	mappings := []mapping{{"the manifest", keysOf(documentFields())}, {"a source", keysOf(entryFields())}}
	for _, f := range documentFields() {
		if f.keys != nil && f.key != "sources" && f.key != "defaults" {
			mappings = append(mappings, mapping{f.key, f.keys})
		}
	}
	for _, f := range layerFields() {
		if f.keys != nil {
			mappings = append(mappings, mapping{f.key, f.keys})
		}
	}
	return mappings
}

// homes says for every key where it is known, for those who put it elsewhere.
func homes() map[string]string {
	places := map[string]string{}
	for _, m := range mappingKeys() {
		for _, key := range m.keys {
			if places[key] != "" {
				places[key] += " or "
			}
			places[key] += m.where
		}
	}
	return places
}
