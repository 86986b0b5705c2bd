package cli

import (
	"context"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/desktop"
	"tidemark.dev/tidemark/app/server"
	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/frontend"
)

var gpuPolicies = []string{"never", "ondemand", "always"}

func (a *app) appVerb() *cobra.Command {
	var gpu string
	cmd := &cobra.Command{
		Use:   "app",
		Short: "Open the workbench in a window",
		Long: "Open the workbench in a window, until it is closed. Where there is no display,\n" +
			"tidemark serve shows the same in a browser. Other verbs work meanwhile, through\n" +
			"this process. With --json it prints one line when the page stands.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkWindow(); err != nil {
				return err
			}
			err := a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if s := a.env.shared; s != nil {
					return a.raise(s)
				}
				return a.window(ctx, b, gpu)
			})
			if engine.KindOf(err) == engine.Canceled {
				return nil // Ctrl-C closes the window
			}
			return err
		},
	}
	cmd.Flags().StringVar(&gpu, "gpu", "never", "draw with the graphics card: never, ondemand or always")
	_ = cmd.RegisterFlagCompletionFunc("gpu", cobra.FixedCompletions(gpuPolicies, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// checkWindow says early why there can be no window.
func (a *app) checkWindow() error {
	const instead = "tidemark serve shows the same in a browser"
	if !desktop.Available {
		return engine.Errorf(engine.Unavailable, "open the window", "%w", desktop.ErrNone).WithHint("%s; make build DESKTOP=1 builds one with its window", instead)
	}
	x, _ := a.lookupEnv("DISPLAY")
	wayland, _ := a.lookupEnv("WAYLAND_DISPLAY")
	if runtime.GOOS == "linux" && x == "" && wayland == "" {
		return engine.Errorf(engine.Unavailable, "open the window", "there is no display").WithHint(instead)
	}
	return nil
}

// raise shows the window that another process has open for this workspace.
func (a *app) raise(s *shared) error {
	show := s.show.Load()
	if show == nil {
		return alreadyOpen(s)
	}
	(*show)()
	a.say("the window of this workspace is open already")
	return nil
}

func (a *app) window(ctx context.Context, b *workbench.Workbench, gpu string) error {
	w := desktop.New()
	var once sync.Once
	l, err := a.listen(ctx, b, "127.0.0.1:0", server.Options{Native: w, Ready: func(r server.Ready) {
		once.Do(func() {
			if a.json {
				_ = a.printJSON(r)
			}
		})
	}})
	if err != nil {
		return err
	}
	show := w.Show
	a.show.Store(&show)
	defer a.show.Store(nil)
	state := ""
	if dir := a.configDir(); dir != "" {
		state = filepath.Join(dir, "window.json")
	}
	err = w.Run(ctx, desktop.Options{
		Title: b.Workspace.Config.Name + " · Tidemark", URL: l.url, StateFile: state, GPU: gpu, Icon: frontend.Icon(),
		Command: l.server.Command,
		Dropped: func(paths []string) {
			for _, p := range paths {
				l.server.Command("drop", p)
			}
		},
	})
	if closeErr := l.close(ctx); err == nil {
		err = closeErr
	}
	return err
}
