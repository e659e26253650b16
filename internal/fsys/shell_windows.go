package fsys

import (
	"context"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/windows"
)

// Shell returns a command that has the system's shell run a line.
func Shell(line string) *exec.Cmd {
	cmd := exec.Command("cmd.exe")
	// cmd.exe has rules of its own for quotes: with /S it takes off the outer
	// ones and nothing else.
	cmd.SysProcAttr = &windows.SysProcAttr{
		CmdLine: `cmd.exe /S /C "` + line + `"`, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP,
	}
	return cmd
}

// TerminateGroup ends a command that Shell made, and all that it started.
// Windows has no way to ask.
func TerminateGroup(cmd *exec.Cmd) error { return KillGroup(cmd) }

// KillGroup ends a command that Shell made, and all that it started.
func KillGroup(cmd *exec.Cmd) error {
	if cmd.Process == nil {
		return os.ErrProcessDone
	}
	kill := exec.CommandContext(context.Background(), "taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid))
	if err := kill.Run(); err != nil {
		return cmd.Process.Kill() // without what it started
	}
	return nil
}
