//go:build unix

package fsys

import (
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// Shell returns a command that has the system's shell run a line, in a process
// group of its own: so what the line starts can be ended with it, and signals
// from the terminal reach phlb alone.
func Shell(line string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	return cmd
}

// TerminateGroup asks a command that Shell made, and all that it started, to
// end.
func TerminateGroup(cmd *exec.Cmd) error { return signalGroup(cmd, unix.SIGTERM) }

// KillGroup ends a command that Shell made, and all that it started, whether
// they want to or not.
func KillGroup(cmd *exec.Cmd) error { return signalGroup(cmd, unix.SIGKILL) }

func signalGroup(cmd *exec.Cmd, sig unix.Signal) error {
	if cmd.Process == nil {
		return os.ErrProcessDone
	}
	err := unix.Kill(-cmd.Process.Pid, sig)
	if err == unix.ESRCH {
		return os.ErrProcessDone
	}
	return err
}
