//go:build !linux

package s3server

import "os/exec"

// run starts a command. The channel closes when it has ended. A process that
// is killed with kill -9 leaves the command behind.
func run(cmd *exec.Cmd) (<-chan struct{}, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed, so it always fails
		close(ended)
	}()
	return ended, nil
}
