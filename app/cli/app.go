package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/desktop"
	"tidemark.dev/tidemark/app/server"
	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
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
			"this process. Started outside of any workspace it opens the one that was open\n" +
			"last, or makes an empty one in ~/Tidemark. With --json it prints one line when the page stands.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(gpuPolicies, gpu) {
				return engine.Errorf(engine.Invalid, "open the window", "--gpu is never, ondemand or always, not %s", gpu)
			}
			program, err := a.windowProgram()
			if err != nil {
				return err
			}
			if err := a.anyWorkspace(); err != nil {
				return err
			}
			err = a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if s := a.env.shared; s != nil {
					return a.raise(s)
				}
				return a.window(ctx, b, program, gpu)
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

// windowProgram finds the program of the window, and says early why there can
// be none.
func (a *app) windowProgram() (string, error) {
	program, err := desktop.Find()
	if err != nil {
		return "", engine.Errorf(engine.Unavailable, "open the window", "%w", err).WithHint("%s; make build DESKTOP=1 builds the window, too", desktop.Instead)
	}
	x, _ := a.lookupEnv("DISPLAY")
	wayland, _ := a.lookupEnv("WAYLAND_DISPLAY")
	if runtime.GOOS == "linux" && x == "" && wayland == "" {
		return "", engine.Errorf(engine.Unavailable, "open the window", "there is no display").WithHint(desktop.Instead)
	}
	return program, nil
}

// anyWorkspace chooses a workspace where the command line names none, as when
// the program is started from a menu.
func (a *app) anyWorkspace() error {
	if a.workspaceDir != "" {
		return nil
	}
	if _, err := workspace.Find(a.env.Cwd); engine.KindOf(err) != engine.NotFound {
		return err
	}
	if dir := a.configDir(); dir != "" {
		for _, r := range workspace.NewRecentStore(dir).List() {
			if workspace.Check(r.Dir) == nil {
				a.workspaceDir = r.Dir
				return nil
			}
		}
	}
	home, ok := a.lookupEnv("HOME")
	if !ok || home == "" {
		_, err := workspace.Find(a.env.Cwd)
		return err
	}
	a.workspaceDir = filepath.Join(home, "Tidemark")
	if workspace.Check(a.workspaceDir) == nil {
		return nil
	}
	if _, err := workspace.Create(a.workspaceDir); err != nil {
		return err
	}
	_, err := a.trustCreated(a.workspaceDir)
	return err
}

// native is what the window can do for the page.
type native struct{ *desktop.Window }

// OpenWorkspace opens another workspace in a window, and a process, of its own.
func (native) OpenWorkspace(_ context.Context, dir string) error {
	program, err := os.Executable()
	if err == nil {
		// It lives on when this window is closed.
		cmd := exec.Command(program, "-w", dir, "app")
		if err = cmd.Start(); err == nil {
			go func() { _ = cmd.Wait() }()
			return nil
		}
	}
	return engine.Errorf(engine.Unavailable, "open "+dir, "%w", err).WithHint("run: tidemark -w %s app", dir)
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

func (a *app) window(ctx context.Context, b *workbench.Workbench, program, gpu string) error {
	w := desktop.New(program)
	var once sync.Once
	l, err := a.listen(ctx, b, "127.0.0.1:0", server.Options{Native: native{w}, Ready: func(r server.Ready) {
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
		Stderr:  a.stderr,
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
