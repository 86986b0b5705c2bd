package server

import (
	"context"
	"fmt"
	"os"
	"strings"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
)

// Workspace is what is open.
type Workspace struct {
	Name     string    `json:"name"`
	Dir      string    `json:"dir"`
	Version  string    `json:"version" doc:"Of the program."`
	Trusted  bool      `json:"trusted"`
	Desktop  bool      `json:"desktop" doc:"The page is in the desktop window."`
	Problems []Problem `json:"problems" doc:"Of the files as they are now; the last good ones are in use."`

	Datasets    []workbench.DatasetSummary `json:"datasets"`
	Sources     []SourceSummary            `json:"sources"`
	Notebooks   []TitledFile               `json:"notebooks"`
	Dashboards  []TitledFile               `json:"dashboards"`
	Rules       []RuleSummary              `json:"rules"`
	Plugins     int                        `json:"plugins"`
	Alarms      int64                      `json:"alarms" doc:"Incidents that last."`
	Quarantined int64                      `json:"quarantined"`
}

// SourceSummary says where a source is.
type SourceSummary struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Dataset  string `json:"dataset"`
	Location string `json:"location"`
}

// TitledFile is a notebook or a dashboard.
type TitledFile struct {
	File  string `json:"file"`
	Title string `json:"title"`
}

// RuleSummary is a rule and whether it can be used.
type RuleSummary struct {
	Name     string `json:"name"`
	File     string `json:"file"`
	Dataset  string `json:"dataset"`
	Severity string `json:"severity"`
	State    string `json:"state" enum:"ok,invalid,unchecked"`
}

// RecentWorkspace is a workspace that was opened before.
type RecentWorkspace struct {
	workspace.Recent
	Exists bool `json:"exists"`
}

// OpenInput names the workspace to open.
type OpenInput struct {
	Dir string `json:"dir"`
}

// Opened says how another workspace is opened.
type Opened struct {
	URL     *string `json:"url"`
	Command string  `json:"command" doc:"What to type where the server cannot open it by itself."`
}

func (s *Server) workspaceAPI() {
	handle(s, "GET", "/workspace", "getWorkspace", "What is open", func(ctx context.Context, _ *struct{}) (Workspace, error) {
		return s.workspace(ctx)
	})
	handle(s, "POST", "/workspace/trust", "trustWorkspace", "Trust the workspace: expand its variables, reach its sources, run its plugins", s.trustWorkspace)
	handle(s, "GET", "/recent", "listRecent", "Workspaces that were opened before", s.listRecent)
	handle(s, "POST", "/workspace/open", "openWorkspace", "Open another workspace, or say how", s.openWorkspace)
}

func (s *Server) workspace(ctx context.Context) (Workspace, error) {
	w := s.bench.Current()
	out := Workspace{
		Name: w.Config.Name, Dir: w.Root, Version: s.opt.Version, Trusted: w.Trusted, Desktop: s.opt.Native != nil,
		Problems: s.folder.wrong(), Sources: []SourceSummary{},
		Notebooks: titled(w, w.Notebooks, notebookTitle), Dashboards: titled(w, w.Dashboards, dashboardTitle),
		Rules: []RuleSummary{}, Plugins: s.bench.PluginCount(),
	}
	var err error
	if out.Datasets, err = s.bench.Datasets(ctx); err != nil {
		return out, err
	}
	if out.Alarms, err = s.bench.Store.OpenIncidents(ctx); err != nil {
		return out, err
	}
	if out.Quarantined, err = s.bench.Store.Quarantined(ctx); err != nil {
		return out, err
	}
	for _, e := range w.Config.Sources {
		out.Sources = append(out.Sources, SourceSummary{Name: e.Value.Name, Type: e.Value.Type, Dataset: e.Value.Dataset, Location: e.Value.Location()})
	}
	for _, r := range s.bench.Rules(ctx, nil) {
		out.Rules = append(out.Rules, RuleSummary{Name: r.Name, File: r.File, Dataset: r.Dataset, Severity: r.Severity, State: r.State})
	}
	return out, nil
}

func titled(w *workspace.Workspace, files []string, title func(file, path string) string) []TitledFile {
	out := []TitledFile{}
	for _, f := range files {
		t := TitledFile{File: f, Title: title(f, w.Path(f))}
		if t.Title == "" {
			_, name, _ := strings.Cut(f, "/")
			t.Title, _, _ = strings.Cut(name, ".")
		}
		out = append(out, t)
	}
	return out
}

// A file that cannot be read has no title: it is called by its name.
func notebookTitle(file, path string) string {
	n, err := workbench.ReadNotebook(file, path)
	switch {
	case err != nil:
		return ""
	case n.Title != "":
		return n.Title
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(src)) {
		if heading, ok := strings.CutPrefix(line, "# "); ok {
			return strings.TrimSpace(heading)
		}
	}
	return ""
}

func dashboardTitle(file, path string) string {
	src, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	d, err := workspace.DecodeDashboard(file, src)
	if err != nil {
		return ""
	}
	return d.Title
}

func (s *Server) trustWorkspace(ctx context.Context, _ *struct{}) (Workspace, error) {
	if s.opt.Trust == nil {
		return Workspace{}, engine.Errorf(engine.Unavailable, "trust", "this server cannot remember that").WithHint("run tidemark trust")
	}
	if err := s.opt.Trust(); err != nil {
		return Workspace{}, err
	}
	if err := s.folder.reload(true); err != nil {
		return Workspace{}, err
	}
	s.events.publish("", Event{Type: "files", Paths: []string{workspace.FileName}})
	return s.workspace(ctx)
}

func (s *Server) listRecent(context.Context, *struct{}) ([]RecentWorkspace, error) {
	out := []RecentWorkspace{}
	if s.opt.ConfigDir == "" {
		return out, nil
	}
	for _, r := range workspace.NewRecentStore(s.opt.ConfigDir).List() {
		out = append(out, RecentWorkspace{r, workspace.Check(r.Dir) == nil})
	}
	return out, nil
}

func (s *Server) openWorkspace(ctx context.Context, in *struct{ Body OpenInput }) (Opened, error) {
	root, err := workspace.Root(in.Body.Dir)
	if err == nil {
		err = workspace.Check(root)
	}
	if err != nil {
		return Opened{}, err
	}
	verb := "serve"
	if w, ok := s.opt.Native.(interface {
		OpenWorkspace(ctx context.Context, dir string) error
	}); ok {
		verb = "app"
		if err := w.OpenWorkspace(ctx, root); err != nil {
			return Opened{}, err
		}
	}
	return Opened{Command: fmt.Sprintf("tidemark -w %s %s", shellQuoted(root), verb)}, nil
}

// shellQuoted writes a path so that a shell takes it for one word.
func shellQuoted(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-:", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
