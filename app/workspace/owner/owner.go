// Package owner lets several processes work with one workspace that only one
// of them can have open. The first takes a lock and listens on this machine;
// every other one sends its command there and shows what comes back.
//
// It knows nothing of what commands do. It trusts whoever can read the file
// that it writes, which is the user alone.
package owner

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/app/workspace/filelock"
	"tidemark.dev/tidemark/engine"
)

// Info is what owner.json says.
type Info struct {
	URL     string `json:"url"`
	Token   string `json:"token"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
}

// Request is a command for the process that has the workspace open.
type Request struct {
	// ID names this run, so that it can be cancelled. Enter sets it.
	ID   string   `json:"id"`
	Args []string `json:"args"`
	// Cwd is what relative paths in Args are relative to.
	Cwd string `json:"cwd"`
	// TTY says that the other side shows narration on a terminal, of so many
	// Columns.
	TTY     bool `json:"tty"`
	Columns int  `json:"columns"`
}

// Runner runs a command for another process and gives its exit code. It is
// called from several goroutines; stdout and stderr may be used by several.
type Runner func(ctx context.Context, r Request, stdout, stderr io.Writer) int

// Owner is this process having the workspace.
type Owner struct {
	dir, token, host string
	lock             *filelock.Lock
	server           *http.Server
	run              Runner
	cancel           context.CancelFunc // cancels every command
	ctx              context.Context

	mu      sync.Mutex
	closing bool
	running map[string]context.CancelFunc
	idle    chan struct{} // closed when closing and nothing runs
}

// Info and lock stand in the state folder of the workspace.
func infoPath(dir string) string { return filepath.Join(dir, "owner.json") }
func lockPath(dir string) string { return filepath.Join(dir, "lock") }

// acquire takes the lock of the state folder, or gives filelock.ErrHeld. What
// a process that was killed left behind is removed.
func acquire(dir string) (*Owner, error) {
	lock, err := filelock.Try(lockPath(dir))
	if err != nil {
		return nil, err
	}
	if err := os.Remove(infoPath(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		_ = lock.Unlock()
		return nil, err
	}
	o := &Owner{dir: dir, lock: lock, running: map[string]context.CancelFunc{}, idle: make(chan struct{})}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	return o, nil
}

// Serve begins to run commands of other processes, until Close. They may come
// at once: run waits for what it needs.
func (o *Owner) Serve(version string, run Runner) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return engine.Errorf(engine.Unavailable, "listen for other commands", "%w", err)
	}
	o.run, o.host, o.token = run, listener.Addr().String(), rand.Text()
	o.server = &http.Server{
		Handler:           o.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
	}
	go func() { _ = o.server.Serve(listener) }()
	data, err := json.Marshal(Info{URL: "http://" + o.host, Token: o.token, PID: os.Getpid(), Version: version})
	if err == nil {
		err = atomicfile.Write(infoPath(o.dir), data, 0o600)
	}
	if err != nil {
		_ = o.server.Close()
		return engine.Errorf(engine.Unavailable, "listen for other commands", "%w", err)
	}
	return nil
}

// begin counts a command in, or says that it came too late.
func (o *Owner) begin(id string, cancel context.CancelFunc) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, taken := o.running[id]; o.closing || taken {
		return false
	}
	o.running[id] = cancel
	return true
}

func (o *Owner) end(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.running, id)
	if o.closing && len(o.running) == 0 {
		close(o.idle)
	}
}

// cancelRun cancels one command.
func (o *Owner) cancelRun(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if cancel, ok := o.running[id]; ok {
		cancel()
	}
}

// Drain turns new commands away, which then wait for the workspace, and gives
// those that run the time until ctx ends; after that they are cancelled and
// have the grace period to stop. waiting, if not nil, is told once how many
// there are, when there are any.
func (o *Owner) Drain(ctx context.Context, grace time.Duration, waiting func(n int)) {
	o.mu.Lock()
	n := len(o.running)
	if !o.closing {
		o.closing = true
		if n == 0 {
			close(o.idle)
		}
	}
	o.mu.Unlock()
	if n > 0 && waiting != nil {
		waiting(n)
	}
	select {
	case <-o.idle:
		return
	case <-ctx.Done():
	}
	o.cancel()
	select {
	case <-o.idle:
	case <-time.After(grace):
	}
}

// Close gives the workspace up: call it last, when nothing of it is open.
func (o *Owner) Close() error {
	o.cancel()
	var errs []error
	if err := os.Remove(infoPath(o.dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	if o.server != nil {
		errs = append(errs, o.server.Close())
	}
	return errors.Join(append(errs, o.lock.Unlock())...)
}

// ReadInfo reads owner.json of a state folder. It fails with os.ErrNotExist
// when nobody has the workspace open.
func ReadInfo(dir string) (Info, error) {
	var info Info
	data, err := os.ReadFile(infoPath(dir))
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return info, err
	}
	// The file may have come with somebody else's workspace.
	host, ok := strings.CutPrefix(info.URL, "http://")
	if name, _, err := net.SplitHostPort(host); !ok || err != nil || name != "127.0.0.1" {
		return info, errors.New("the url is not on this machine")
	}
	return info, nil
}

// Held reports whether a process has the workspace of this state folder open.
func Held(dir string) (bool, error) {
	if _, err := os.Stat(lockPath(dir)); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	lock, err := filelock.Try(lockPath(dir))
	if errors.Is(err, filelock.ErrHeld) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, lock.Unlock()
}
