package main

import (
	"context"
	"os"
	"runtime"
	"strings"
)

// machine is what figures depend on beside the contenders.
type machine struct {
	Cores     int               `json:"cores"`
	MemoryMiB int64             `json:"memory_mib"`
	System    string            `json:"system"`
	Kernel    string            `json:"kernel"`
	Go        string            `json:"go"`
	Workplace string            `json:"workplace"`
	Tools     map[string]string `json:"tools"`
}

func thisMachine(ctx context.Context, place workplace, phlbPath string) machine {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		kernel = []byte("unknown")
	}
	m := machine{
		Cores: runtime.NumCPU(), MemoryMiB: memoryMiB("MemTotal"), System: runtime.GOOS + "/" + runtime.GOARCH,
		Kernel: strings.TrimSpace(string(kernel)), Go: runtime.Version(), Workplace: place.describe(),
		Tools: map[string]string{},
	}
	m.Tools[phlbName] = version(ctx, phlbPath, "version")
	for tool, argument := range map[string]string{
		"cp": "--version", "rsync": "--version", "borg": "--version", "restic": "version", "sha256sum": "--version", "find": "--version",
	} {
		if has(tool) {
			m.Tools[tool] = version(ctx, tool, argument)
		}
	}
	return m
}

// version is the first line that a tool says about itself.
func version(ctx context.Context, tool, argument string) string {
	text, err := cmd(tool, argument).output(ctx)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(text, "\n")
	return strings.Join(strings.Fields(line), " ")
}
