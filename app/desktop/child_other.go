//go:build !unix

package desktop

import "syscall"

func apart() *syscall.SysProcAttr { return nil }
