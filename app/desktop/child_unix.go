//go:build unix

package desktop

import "syscall"

// apart keeps Ctrl-C in the terminal from the window: tidemark tells it to
// close, after which its end is no surprise.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
