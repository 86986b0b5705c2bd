package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
)

// Main runs the program's own command line and gives its exit code. The first
// Ctrl-C lets the verb end cleanly, the second ends the program.
func Main() int { return runProcess(Env{Open: openBench}) }

// openBench is how the program itself opens a workspace.
func openBench(ctx context.Context, w *workspace.Workspace) (Runtime, error) {
	return workbench.Open(ctx, w, workbench.Options{})
}

// runProcess runs the program's own command line, with what env brings along.
func runProcess(env Env) int {
	cwd, err := os.Getwd()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: the current folder is gone:", err)
		return 1
	}
	env.LookupEnv, env.Cwd = os.LookupEnv, cwd
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) {
		env.TTY = true
		env.Columns, _, _ = term.GetSize(fd)
	}
	ctx, stop := interruptible(context.Background(), env.TTY)
	defer stop()
	return Run(ctx, os.Args[1:], env, os.Stdin, os.Stdout, os.Stderr)
}

func interruptible(parent context.Context, tty bool) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		if tty {
			fmt.Fprintln(os.Stderr, "\nstopping; Ctrl-C again ends at once")
		}
		cancel()
		<-signals
		os.Exit(exitCanceled)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}
