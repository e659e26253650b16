// Package retain decides which snapshots of a name are kept and which may be
// pruned.
//
// It is pure: everything it needs is an argument. It never asks for the time,
// never touches a disk, and imports only the standard library.
package retain

// Policy says which snapshots of one name are to be kept. A snapshot is kept
// if any rule keeps it; a zero rule is off, and a Policy without a rule keeps
// everything. The JSON keys are those of a manifest's retention.
type Policy struct {
	KeepLast    int `json:"keep_last,omitempty"`    // the n newest
	KeepHourly  int `json:"keep_hourly,omitempty"`  // the newest of each of the n most recent hours that have one
	KeepDaily   int `json:"keep_daily,omitempty"`   // likewise, days
	KeepWeekly  int `json:"keep_weekly,omitempty"`  // likewise, ISO weeks
	KeepMonthly int `json:"keep_monthly,omitempty"` // likewise, months
	KeepYearly  int `json:"keep_yearly,omitempty"`  // likewise, years

	KeepWithin        Span `json:"keep_within,omitzero"`         // all within this span of the newest
	KeepWithinHourly  Span `json:"keep_within_hourly,omitzero"`  // the newest of each hour within it
	KeepWithinDaily   Span `json:"keep_within_daily,omitzero"`   // likewise, days
	KeepWithinWeekly  Span `json:"keep_within_weekly,omitzero"`  // likewise, ISO weeks
	KeepWithinMonthly Span `json:"keep_within_monthly,omitzero"` // likewise, months
	KeepWithinYearly  Span `json:"keep_within_yearly,omitzero"`  // likewise, years
}

// IsZero reports whether p has no rule, so that nothing is ever pruned by it.
func (p Policy) IsZero() bool { return p == Policy{} }
