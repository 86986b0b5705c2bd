package desktop

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"tidemark.dev/tidemark/app/desktop/wire"
)

// grace is how long the window's program may take to end, and to take an
// order, before it is ended.
const grace = 10 * time.Second

// child is the window's program while it runs.
type child struct {
	cmd    *exec.Cmd
	orders *os.File // ours, to be written
	events *os.File // ours, to be read
	out    *wire.Writer[wire.Order]
	leave  sync.Once
	exited chan struct{} // closed when it has ended
	exit   error         // why, once exited is closed
}

func start(program string, stderr io.Writer) (*child, error) {
	its, orders, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer its.Close()
	events, theirs, err := os.Pipe()
	if err != nil {
		_ = orders.Close()
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(program)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = its, stderr, stderr
	cmd.ExtraFiles = []*os.File{theirs} // wire.EventsFile
	cmd.SysProcAttr = apart()
	cmd.WaitDelay = grace
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, orders.Close(), events.Close())
	}
	c := &child{cmd: cmd, orders: orders, events: events, exited: make(chan struct{})}
	c.out = wire.NewWriter[wire.Order](orders)
	go c.wait()
	return c, nil
}

// wait takes note of the program's end. Its last words stand in the pipe; if
// a process of its own has the pipe, too, they are not waited for longer.
func (c *child) wait() {
	c.exit = c.cmd.Wait()
	_ = c.events.SetReadDeadline(time.Now().Add(grace))
	close(c.exited)
}

// tell gives an order. One that is not taken is not taken by a window that
// has ended, or hangs.
func (c *child) tell(o wire.Order) error {
	_ = c.orders.SetWriteDeadline(time.Now().Add(grace))
	return c.out.Write(o)
}

// quit tells the program to end, and ends it where it does not.
func (c *child) quit() {
	c.leave.Do(func() {
		_ = c.tell(wire.Order{Kind: wire.Quit})
		_ = c.orders.Close()
		go func() {
			late := time.NewTimer(grace)
			defer late.Stop()
			select {
			case <-c.exited:
			case <-late.C:
				slog.Warn("the window did not close and was ended", "process", c.cmd.Process.Pid)
				_ = c.cmd.Process.Kill()
			}
		}()
	})
}

// end waits until the program has ended, and says how.
func (c *child) end() error {
	c.quit()
	<-c.exited
	_ = c.events.Close()
	return c.exit
}
