package suggest

import "testing"

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		word, want string
		known      []string
	}{
		{"retenton", "retention", []string{"guards", "retention"}},
		{"scr", "src", []string{"home", "src"}},
		{"max_deleted", "max_deleted_percent", []string{"max_changed_percent", "max_deleted_percent", "min_free"}},
		{"max_changed", "max_changed_percent", []string{"max_deleted_percent", "max_changed_percent", "min_free"}},
		{"max_size", "max_file_size", []string{"name", "max_file_size", "small_files"}},
		{"maxSize", "max_file_size", []string{"name", "max_file_size", "small_files"}},
		{"file_size", "max_file_size", []string{"max_file_size", "small_files"}},
		{"exclude", "excludes", []string{"excludes_replace", "exclude_caches", "excludes"}},
		{"exclude_if", "exclude_if_present", []string{"excludes", "exclude_if_present"}},
		{"keep", "keep_last", []string{"keep_within_daily", "keep_last", "keep_daily"}},
		{"daily", "keep_daily", []string{"keep_within_daily", "keep_last", "keep_daily"}},
		{"dest", "destination", []string{"destination_require", "destination", "create_destination"}},
		{"create_dest", "create_destination", []string{"destination", "create_destination"}},
		{"log-level", "log-file-level", []string{"lock-timeout", "log-file-level"}},
		{"file", "", []string{"log-file-level"}},
		{"size_max", "", []string{"max_file_size"}},
		{"na", "", []string{"names_of_all"}},
		{"__", "", []string{"excludes"}},
		{"maxFileSize", "max_file_size", []string{"max_file_size_of_all", "max_file_size"}},
		{"x", "", []string{"home", "src"}},
		{"", "", []string{"path"}},
		{"a", "", nil},
	} {
		if got := Nearest(c.word, c.known); got != c.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", c.word, c.known, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
