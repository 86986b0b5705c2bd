// Package cli is the command line: one file a verb. It turns arguments into
// calls of the packages that do the work, prints what they give, and turns
// their errors into messages and exit codes. It computes nothing itself.
//
// Data goes to stdout; narration, progress and error messages go to stderr.
package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

// Env is what a run takes from its surroundings besides its arguments and
// streams.
type Env struct {
	// LookupEnv finds an environment variable.
	LookupEnv func(name string) (string, bool)
	// Cwd is the folder that relative paths are relative to.
	Cwd string
	// TTY says that stderr is a terminal, of so many Columns (0: unknown).
	TTY     bool
	Columns int
	// Clock tells the time.
	Clock engine.Clock
	// Open opens a workspace for the verbs that work with its data.
	Open Opener

	// shared is set when another process asked for this run.
	shared *shared
	// more adds verbs, in tests.
	more func(*app) []*cobra.Command
}

// Run runs one command line, without the program's name, and gives its exit
// code. When ctx ends, the verb stops at the next safe place. Several runs
// may go on at once.
func Run(ctx context.Context, args []string, env Env, stdin io.Reader, stdout, stderr io.Writer) int {
	if env.Clock == nil {
		env.Clock = engine.SystemClock{}
	}
	a := &app{env: env, args: args, stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	// A line that could not be read may have asked for JSON nevertheless.
	a.json = a.json || asksForJSON(args)
	a.printError(err)
	return exitCode(err)
}

// app is one run.
type app struct {
	env            Env
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer

	workspaceDir string
	json, quiet  bool
	// served is where this run serves the workspace, while it does.
	served atomic.Pointer[string]
	// show brings the window of this run to the front, while there is one.
	show atomic.Pointer[func()]
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tidemark",
		Short: "A workbench for streams of events: archives, live tails, rules and alarms",
		Long: "Tidemark turns archives and live streams of events into tables, rules and alarms\n" +
			"on this machine. Begin with: tidemark init DIR",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          a.noSuchVerb,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.StringVarP(&a.workspaceDir, "workspace", "w", "", "the workspace's folder (default: this one or the nearest above)")
	flags.BoolVar(&a.json, "json", false, "print data and errors as JSON")
	flags.BoolVar(&a.quiet, "quiet", false, "no narration and no progress")
	root.AddCommand(a.verbs()...)
	if a.env.more != nil {
		root.AddCommand(a.env.more(a)...)
	}
	usageErrors(root)
	return root
}

// verbs lists the verbs in the order that help shows them.
func (a *app) verbs() []*cobra.Command {
	return []*cobra.Command{
		a.initVerb(),
		a.demoVerb(),
		a.openVerb(),
		a.appVerb(),
		a.pullVerb(),
		a.tailVerb(),
		a.queryVerb(),
		a.notebookVerb(),
		a.rulesVerb(),
		a.incidentsVerb(),
		a.notifyVerb(),
		a.silencesVerb(),
		a.testVerb(),
		a.schemaVerb(),
		a.datasetVerb(),
		a.quarantineVerb(),
		a.archiveVerb(),
		a.compactVerb(),
		a.sourcesVerb(),
		a.pluginVerb(),
		a.lookupVerb(),
		a.healthVerb(),
		a.modelsVerb(),
		a.serveVerb(),
		a.trustVerb(),
		a.doctorVerb(),
		a.schemaOfVerb(),
		a.versionVerb(),
		a.completionVerb(),
	}
}

// path makes a path that the user wrote one that can be opened.
func (a *app) path(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.env.Cwd, name)
}

// workspaceRoot finds the workspace that this run is about: the one named by
// -w, or that of the current folder.
func (a *app) workspaceRoot() (string, error) {
	if a.workspaceDir == "" {
		return workspace.Find(a.env.Cwd)
	}
	root, err := workspace.Root(a.path(a.workspaceDir))
	if err != nil {
		return "", err
	}
	return root, workspace.Check(root)
}

func (a *app) lookupEnv(name string) (string, bool) {
	if a.env.LookupEnv == nil {
		return "", false
	}
	return a.env.LookupEnv(name)
}

func (a *app) trustStore() (workspace.TrustStore, error) {
	dir, err := workspace.ConfigDir(a.lookupEnv)
	return workspace.NewTrustStore(dir), err
}

// loadWorkspace reads the workspace that this run is about. Its variables are
// expanded if it is trusted.
func (a *app) loadWorkspace() (*workspace.Workspace, error) {
	root, err := a.workspaceRoot()
	if err != nil {
		return nil, err
	}
	store, err := a.trustStore()
	if err != nil {
		return nil, err
	}
	trusted, err := store.Trusts(root)
	if err != nil {
		return nil, err
	}
	allowed, err := store.Allowed(root)
	if err != nil {
		return nil, err
	}
	return workspace.Load(root, workspace.Options{Trusted: trusted, Allowed: allowed, LookupEnv: a.lookupEnv})
}

// configDir is the user's configuration folder, "" when there is none.
func (a *app) configDir() string {
	dir, err := workspace.ConfigDir(a.lookupEnv)
	if err != nil {
		return ""
	}
	return dir
}

// trustRoot trusts the workspace that this run is about.
func (a *app) trustRoot() error {
	root, store, err := a.rootAndTrust()
	if err != nil {
		return err
	}
	return store.AddForeign(root)
}

// rootAndTrust gives the workspace that this run is about, and the store of what
// is trusted on this machine.
func (a *app) rootAndTrust() (root string, store workspace.TrustStore, err error) {
	if root, err = a.workspaceRoot(); err != nil {
		return "", store, err
	}
	store, err = a.trustStore()
	return root, store, err
}

// say narrates on stderr.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "%s\n", safeText(fmt.Sprintf(format, args...)))
	}
}
