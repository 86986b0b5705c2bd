package cli

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/owner"
)

// check is one thing that doctor looked at.
type check struct {
	Name   string `json:"name"`
	State  string `json:"state"` // ok, warn or fail
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

func ok(name, format string, args ...any) check {
	return check{Name: name, State: "ok", Detail: fmt.Sprintf(format, args...)}
}

func warn(name, hint, format string, args ...any) check {
	return check{Name: name, State: "warn", Detail: fmt.Sprintf(format, args...), Hint: hint}
}

func (a *app) doctorVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Explain what is wrong with this machine or workspace",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			root, err := a.workspaceRoot()
			checks := append(a.checkMachine(root), a.checkWorkspace(cmd, root, err)...)
			checks = append(checks, checkToolchains()...)
			if err := a.printChecks(checks); err != nil {
				return err
			}
			for _, c := range checks {
				if c.State == "fail" {
					return exitError{exitFailed}
				}
			}
			return nil
		},
	}
}

func (a *app) printChecks(checks []check) error {
	if a.json {
		return a.printJSON(checks)
	}
	t := newTable("STATE", "CHECK", "FOUND")
	for _, c := range checks {
		t.add(c.State, c.Name, c.Detail)
	}
	if err := t.write(a.stdout); err != nil {
		return err
	}
	for _, c := range checks {
		if c.Hint != "" {
			fmt.Fprintf(a.stdout, "\n%s: %s\n", safeCell(c.Name), safeText(c.Hint))
		}
	}
	return nil
}

// What is little enough to warn of.
const (
	lowDisk   = 5_000_000_000
	lowMemory = 1_000_000_000
	lowShared = 256_000_000
)

// checkMachine looks at disk and memory. root may be empty.
func (a *app) checkMachine(root string) []check {
	checks := []check{ok("machine", "%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())}
	if root == "" {
		root = a.env.Cwd
	}
	space := func(name, dir string, low int64, hint string) {
		free, known := freeSpace(dir)
		switch {
		case !known:
			return
		case free < low:
			checks = append(checks, warn(name, hint, "%s free at %s", formatBytes(free), dir))
		default:
			checks = append(checks, ok(name, "%s free at %s", formatBytes(free), dir))
		}
	}
	space("disk", root, lowDisk, "make room: the database and fetched objects live in the workspace's .tidemark folder")
	if free, limit, known := availableMemory(); known {
		detail := fmt.Sprintf("%s available", formatBytes(free))
		if limit > 0 {
			detail += fmt.Sprintf(" of a limit of %s", formatBytes(limit))
		}
		if free < lowMemory {
			checks = append(checks, warn("memory", "close other programs, or set limits: {memory: 500MB} in "+workspace.FileName, "%s", detail))
		} else {
			checks = append(checks, ok("memory", "%s", detail))
		}
	}
	if runtime.GOOS == "linux" {
		space("shared memory", "/dev/shm", lowShared, "records are staged in /dev/shm; in a container give it more: --shm-size=1g")
	}
	return checks
}

// checkWorkspace looks at the workspace, if there is one.
func (a *app) checkWorkspace(cmd *cobra.Command, root string, findErr error) []check {
	if findErr != nil {
		return []check{warn("workspace", hintOf(findErr), "%v", findErr)}
	}
	checks := []check{ok("workspace", "%s", root), a.checkTrust(root)}
	w, err := a.loadWorkspace()
	if err != nil {
		return append(checks, failed("configuration", err), a.checkOwner(root))
	}
	checks = append(checks, configured(w), checkFiles(w), a.checkOwner(root))
	return append(checks, a.checkDatabase(cmd, w)...)
}

func (a *app) checkTrust(root string) check {
	store, err := a.trustStore()
	if err != nil {
		return failed("trust", err)
	}
	trusted, err := store.Trusts(root)
	switch {
	case err != nil:
		return failed("trust", err)
	case !trusted:
		return warn("trust", hintOf(workspace.ErrUntrusted(root, "")),
			"not trusted: no variable is expanded, nothing is contacted, no plugin runs")
	}
	return ok("trust", "trusted")
}

func configured(w *workspace.Workspace) check {
	return ok("configuration", "%d sources, %d datasets, %d channels; %d rules, %d tests, %d notebooks, %d dashboards, %d plugins",
		len(w.Config.Sources), len(w.Config.Datasets), len(w.Config.Channels),
		len(w.Rules), len(w.Tests), len(w.Notebooks), len(w.Dashboards), len(w.Plugins))
}

func failed(name string, err error) check {
	problems := flatten(err)
	c := check{Name: name, State: "fail", Detail: problems[0].Error(), Hint: hintOf(problems[0])}
	if more := len(problems) - 1; more > 0 {
		c.Detail += fmt.Sprintf(" (and %d more)", more)
	}
	return c
}

func (a *app) checkOwner(root string) check {
	dir := workspace.StateDir(root)
	if s := a.env.shared; s != nil && s.root == root {
		return ok("open", "in this process")
	}
	held, err := owner.Held(dir)
	if err != nil {
		return failed("open", err)
	}
	if !held {
		return ok("open", "by nobody")
	}
	info, err := owner.ReadInfo(dir)
	switch {
	case err != nil:
		return warn("open", "if it stays so, end that process", "by a process that does not listen")
	case info.Version != version():
		return warn("open", "end that process, or use that version", "by process %d of version %s; this is %s", info.PID, info.Version, version())
	}
	return ok("open", "by process %d, which runs the commands of others", info.PID)
}

// toolchains build plugins; nothing else needs them.
var toolchains = []struct{ language, program, hint string }{
	{"go", "go", "https://go.dev/dl"},
	{"rust", "cargo", "https://rustup.rs"},
	{"assemblyscript", "npx", "https://nodejs.org"},
	{"c", "clang", "clang with the wasm32 target, and wasm-ld"},
}

func checkToolchains() []check {
	var found, missing, hints []string
	for _, t := range toolchains {
		if _, err := exec.LookPath(t.program); err == nil || errors.Is(err, exec.ErrDot) {
			found = append(found, t.language)
			continue
		}
		missing = append(missing, t.language)
		hints = append(hints, t.language+": "+t.hint)
	}
	if len(missing) == 0 {
		return []check{ok("toolchains", "plugins can be built from %s", strings.Join(found, ", "))}
	}
	return []check{warn("toolchains", "needed only to build plugins. "+strings.Join(hints, "; "),
		"missing for plugins in %s", strings.Join(missing, ", "))}
}
