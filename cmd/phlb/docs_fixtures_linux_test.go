package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exampleFiles are what the sandbox's home holds at first.
var exampleFiles = map[string]string{
	"docs/letter.txt":        strings.Repeat("Dear reader, ", 200) + "\n",
	"docs/notes.txt":         "milk\nbread\n",
	"docs/a.txt":             "a\n",
	"photos/beach.jpg":       strings.Repeat("\xff\xd8 sand and water ", 5000),
	"photos/beach copy.jpg":  strings.Repeat("\xff\xd8 sand and water ", 5000),
	".venv/lib/site.py":      "pass\n",
	".cache/thumbnails/1.db": "cached\n",
}

// exampleManifest writes a manifest for them.
const exampleManifest = `cat >manifest.yaml <<'END'
version: 1
destination: /mnt/backup
sources:
  - name: home
    path: /home/me
    excludes: [.venv/, "*.iso", "*.json", "*.zst"]
    retention: {keep_last: 30}
END
`

// exampleSnapshots makes two snapshots and a plan for a third.
const exampleSnapshots = exampleManifest + `
phlb apply manifest.yaml --yes
echo more >>docs/letter.txt
phlb apply manifest.yaml --yes
echo more >>docs/letter.txt
phlb plan manifest.yaml
`

// stubs are programs that need other machines, root or devices. They only
// record how they are called; each call must be of one of these forms.
var stubs = map[string][]string{
	"cryptsetup": {
		`luksFormat /dev/sdX1`, `open /dev/sdX1 backup`, `luksHeaderBackup /dev/sdX1 --header-backup-file luks-header\.img`,
	},
	"mkfs.ext4": {`-L backup /dev/mapper/backup`},
	"mount":     {`/dev/mapper/backup /mnt/backup`, `-o ro /dev/sdX1 /mnt/backup`},
	"gocryptfs": {`-init /mnt/plain/cipher`, `-sharedstorage /mnt/plain/cipher /mnt/backup`},
	"btrfs": {
		`subvolume snapshot -r /mnt/disk/backup /mnt/disk/backup-moving`, `send /mnt/disk/backup-moving`, `receive /mnt/new`,
		`subvolume snapshot /mnt/new/backup-moving /mnt/new/backup`, `subvolume delete /mnt/disk/backup-moving /mnt/new/backup-moving`,
	},
	"systemctl": {
		`(--user )?daemon-reload`, `(--user )?enable --now [a-z-]+\.timer`, `(--user )?start [a-z-]+\.service`,
		`(--user )?status [a-z-]+\.(service|timer) --no-pager`, `(--user )?list-timers`,
	},
}

// fixture is what a comment would say before a block.
type fixture struct {
	setup string
	file  string
	exits int
}

// fixtures are for pages that do not speak to the test themselves: README.md,
// whose source should stay plain, and generated ones. A block is known by its
// first line.
var fixtures = map[string]map[string]fixture{
	"README.md": {
		"$ phlb plan manifest.yaml      # only reads; writes plan.json: what becomes of every file, and why": {setup: exampleManifest},
		"phlb init                      # writes a commented manifest.yaml":                                  {setup: "rm -rf manifest.yaml /mnt/backup/* /mnt/backup/.phlb"},
		"version: 1":                {file: "manifest.yaml"},
		"$ phlb plan manifest.yaml": {setup: "cd; sed -i 's/excludes/exclude/' manifest.yaml", exits: codeUsage},
	},
	"docs/reference/commands.md": {
		"phlb plan manifest.yaml": {setup: exampleManifest},
		"phlb show plan.json":     {setup: exampleSnapshots},
		"phlb apply plan.json --expect-sha256 \"$(cat plan.sha256)\"": {
			setup: "phlb plan manifest.yaml; sha256sum plan.json | cut -d' ' -f1 >plan.sha256",
		},
		"phlb diff /mnt/backup/home/2026-11-27-180000 /mnt/backup/home/2026-11-27-190000": {exits: codeDifferent},
	},
	"docs/monitoring.md": {
		"phlb apply /etc/phlb/manifest.yaml --yes --metrics /var/lib/prometheus/node-exporter/phlb.prom": {
			setup: exampleManifest + "mkdir -p /etc/phlb /var/lib/prometheus/node-exporter; cp manifest.yaml /etc/phlb",
		},
	},
	"docs/reference/exit-codes.md": {"code=0": {setup: exampleManifest}},
	"docs/reference/help-topics.md": {
		"phlb validate manifest.yaml":                {setup: exampleManifest},
		"phlb explain manifest.yaml docs/letter.txt": {setup: exampleSnapshots},
	},
}

// exempt are lines that are not executed here, and who does so instead.
var exempt = []struct {
	page, prefix, reason string
}{
	{"README.md", "go run ./examples/quickstart", "a step of .ci/run"},
	{"README.md", "go test ./...", "runs this test"},
	{"README.md", "go build -o phlb ./cmd/phlb", "what tests run is built the same way"},
	{"docs/tutorial.md", "go build -o phlb ./cmd/phlb", "what tests run is built the same way"},
	{"docs/performance.md", "make bench", "takes minutes; go test ./internal/peerbench has a small form"},
	{"docs/performance.md", "make microbench", "takes minutes"},
	{"docs/dependencies.md", "go run golang.org/x/vuln", "asks a server on the network"},
	{"docs/dependencies.md", "go list -m -u all", "asks a server on the network"},
	{"docs/reference/commands.md", "phlb review", "needs a terminal: TestReviewOnATerminal has one"},
}

// withoutExempt leaves out what is exempt.
func (s *sandbox) withoutExempt(path string, lines []string) []string {
	var rest []string
	for _, line := range lines {
		if !isExempt(path, line) {
			rest = append(rest, line)
		}
	}
	return rest
}

func isExempt(path, line string) bool {
	for _, e := range exempt {
		if e.page == path && strings.HasPrefix(line, e.prefix) {
			return true
		}
	}
	return false
}

// TestDocsExempt: what is exempt is still there, and what it calls exists.
func TestDocsExempt(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, p := range pages(t) {
		for _, it := range p.items {
			for _, line := range it.text {
				line = strings.TrimPrefix(line, "$ ")
				if !isExempt(p.path, line) {
					continue
				}
				for _, e := range exempt {
					used[e.page+e.prefix] = used[e.page+e.prefix] || e.page == p.path && strings.HasPrefix(line, e.prefix)
				}
				words := strings.Fields(line)
				if words[0] == "make" && !strings.Contains(string(makefile), "\n"+words[1]+":") {
					t.Errorf("%s: there is no make %s", p.path, words[1])
				}
			}
		}
	}
	for _, e := range exempt {
		if !used[e.page+e.prefix] || e.reason == "" {
			t.Errorf("%s: %q need not be exempt, or nobody says why", e.page, e.prefix)
		}
	}
}
