package cli

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/owner"
	"tidemark.dev/tidemark/engine"
)

// Runtime is an open workspace: its database and what works on it. Its
// methods may be called by several verbs at once.
type Runtime interface {
	// Close is called once, when no verb uses it any more.
	Close() error
}

// Opener opens a workspace that this process has the lock of. The state
// folder is prepared.
type Opener func(ctx context.Context, w *workspace.Workspace) (Runtime, error)

// shared is the workspace that this process has open, as a run sees it that
// another process asked for.
type shared struct {
	root string
	// wait gives the runtime, once it is open.
	wait func(context.Context) (Runtime, error)
	// served is where this process serves it, while it does.
	served *atomic.Pointer[string]
	// show brings its window to the front, while it has one.
	show *atomic.Pointer[func()]
}

const (
	// drainTime is how long commands of other processes may go on after our
	// own is done; a Ctrl-C ends it.
	drainTime = 10 * time.Minute
	// drainGrace is what they have to stop once they are cancelled.
	drainGrace = 5 * time.Second
)

// withRuntime runs fn with the workspace open. If another process has it
// open, the whole command runs there instead, with its output here, and fn is
// not called.
func (a *app) withRuntime(cmd *cobra.Command, fn func(ctx context.Context, rt Runtime) error) error {
	ctx := cmd.Context()
	root, err := a.workspaceRoot()
	if err != nil {
		return err
	}
	if s := a.env.shared; s != nil {
		return a.withShared(ctx, s, root, fn)
	}
	if err := workspace.PrepareState(root); err != nil {
		return err
	}
	o := owner.Options{
		Dir: workspace.StateDir(root), Version: version(),
		Waiting: func() { a.say("waiting for the process that has the workspace open to end") },
	}
	req := owner.Request{Args: a.args, Cwd: a.env.Cwd, TTY: a.env.TTY, Columns: a.env.Columns}
	code, here, err := owner.Enter(ctx, o, req, a.stdout, a.stderr, func(o *owner.Owner) error {
		return a.own(ctx, o, root, fn)
	})
	if err == nil && !here && code != 0 {
		return exitError{code}
	}
	return err
}

// withShared runs fn for another process, on the workspace that is open.
func (a *app) withShared(ctx context.Context, s *shared, root string, fn func(context.Context, Runtime) error) error {
	if s.root != root {
		return engine.Errorf(engine.Internal, "run for another process", "%s is open, not %s", s.root, root)
	}
	rt, err := s.wait(ctx)
	if err != nil {
		return err
	}
	return fn(ctx, rt)
}

// own opens the workspace, runs fn, and meanwhile the commands of other
// processes, which are waited for at the end.
func (a *app) own(ctx context.Context, o *owner.Owner, root string, fn func(context.Context, Runtime) error) (err error) {
	defer func() {
		if closeErr := o.Close(); err == nil && closeErr != nil {
			err = engine.Errorf(engine.Unavailable, "close workspace", "%w", closeErr)
		}
	}()
	opening := newOpening()
	if err := o.Serve(version(), a.serve(&shared{root: root, wait: opening.wait, served: &a.served, show: &a.show})); err != nil {
		return err
	}
	rt, err := a.open(ctx)
	opening.done(rt, err)
	if err != nil {
		a.drain(ctx, o)
		return err
	}
	defer func() {
		if closeErr := rt.Close(); err == nil {
			err = closeErr
		}
	}()
	defer a.drain(ctx, o)
	return fn(ctx, rt)
}

func (a *app) open(ctx context.Context) (Runtime, error) {
	w, err := a.loadWorkspace()
	if err != nil {
		return nil, err
	}
	if err := w.Prepare(); err != nil {
		return nil, err
	}
	if a.env.Open == nil {
		return nil, engine.Errorf(engine.Internal, "open workspace", "this program was built without a database")
	}
	return a.env.Open(ctx, w)
}

func (a *app) drain(ctx context.Context, o *owner.Owner) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	o.Drain(ctx, drainGrace, func(n int) {
		commands := "a command"
		if n > 1 {
			commands = "commands"
		}
		a.say("done; waiting for %s of another terminal to end (Ctrl-C stops it)", commands)
	})
}

// serve runs commands of other processes as if they had been given here.
func (a *app) serve(s *shared) owner.Runner {
	return func(ctx context.Context, r owner.Request, stdout, stderr io.Writer) int {
		env := a.env
		env.Cwd, env.TTY, env.Columns, env.shared = r.Cwd, r.TTY, r.Columns, s
		return Run(ctx, r.Args, env, strings.NewReader(""), stdout, stderr)
	}
}

// opening is a runtime that is not open yet.
type opening struct {
	ready chan struct{}
	rt    Runtime
	err   error
}

func newOpening() *opening { return &opening{ready: make(chan struct{})} }

func (o *opening) done(rt Runtime, err error) {
	o.rt, o.err = rt, err
	close(o.ready)
}

func (o *opening) wait(ctx context.Context) (Runtime, error) {
	select {
	case <-o.ready:
		return o.rt, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
