package examples_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"

	"phlb/internal/metrics"
)

// TestAlerts: the rules speak of metrics that there are. Prometheus's own tool
// judges them where it is installed.
func TestAlerts(t *testing.T) {
	const path = "monitoring/phlb.rules.yml"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(data, &rules); err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, f := range metrics.Families() {
		known = append(known, f.Name)
	}
	if len(rules.Groups) != 1 || len(rules.Groups[0].Rules) != 7 {
		t.Fatalf("%+v", rules)
	}
	for _, r := range rules.Groups[0].Rules {
		used := regexp.MustCompile(`phlb_[a-z_]+`).FindAllString(r.Expr, -1)
		for _, name := range used {
			if !slices.Contains(known, name) {
				t.Errorf("%s: there is no metric %s", r.Alert, name)
			}
		}
		if len(used) == 0 || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
			t.Errorf("%+v", r)
		}
	}
	if promtool, err := exec.LookPath("promtool"); err == nil {
		run(t, nil, promtool, "check", "rules", path)
	}
}
