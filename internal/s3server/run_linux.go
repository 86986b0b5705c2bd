package s3server

import (
	"os/exec"
	"runtime"
	"syscall"
)

// run starts a command that the kernel kills when this process ends, even by
// kill -9. The channel closes when the command has ended.
//
// The kernel's promise is bound to the thread that started the command, so
// that thread is kept until then.
func run(cmd *exec.Cmd) (<-chan struct{}, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed, so it always fails
		}
		close(ended)
	}()
	return ended, <-started
}
