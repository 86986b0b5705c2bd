package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// maxUpload bounds an upload, in bytes.
const maxUpload = 16 << 30

// Upload is what became of a file.
type Upload struct {
	Path    string                `json:"path"`
	Kind    string                `json:"kind" enum:"plugin,data"`
	Source  string                `json:"source,omitempty" doc:"The one that was added to tidemark.yaml."`
	Dataset string                `json:"dataset,omitempty"`
	Pull    *PullState            `json:"pull,omitempty" doc:"The one that has begun."`
	Plugin  *workbench.PluginInfo `json:"plugin,omitempty"`
}

type uploadInput struct {
	Name   string `query:"name" required:"true" minLength:"1" maxLength:"200" doc:"The file's name."`
	Folder string `query:"folder" maxLength:"1000" doc:"Of a file in a folder: the folder, and those in it that lead to the file. The file is kept below data/, and read once that folder is adopted."`
	body   io.Reader
}

// Resolve takes the body as a stream: it may be larger than memory.
func (u *uploadInput) Resolve(ctx huma.Context) []error {
	u.body = ctx.BodyReader()
	return nil
}

// AdoptInput names a file or a folder.
type AdoptInput struct {
	Path string `json:"path" doc:"On this machine, whole; or of the workspace, data/ and the name of a folder that was uploaded."`
}

func (s *Server) uploadAPI() {
	huma.Register(s.api, huma.Operation{
		OperationID: "upload", Method: "POST", Path: "/api/v1/upload", Summary: "Add a plugin or a file of records to the workspace",
		Errors: []int{400, 404, 409, 500, 503},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}},
	}, func(ctx context.Context, in *uploadInput) (*reply[Upload], error) {
		out, err := s.upload(ctx, in.Folder, in.Name, in.body)
		if err != nil {
			return nil, failure(err)
		}
		return &reply[Upload]{out}, nil
	})
	handle(s, "POST", "/adopt", "adopt", "Use a file or a folder of this machine: a plugin is copied, data stays where it is", func(ctx context.Context, in *struct{ Body AdoptInput }) (Upload, error) {
		return s.adopt(ctx, in.Body.Path)
	})
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// fitName makes a file's name one for every machine, without what a pattern
// would take for itself.
func fitName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	return strings.TrimLeft(unfit.ReplaceAllString(name, "_"), ".-")
}

func (s *Server) upload(ctx context.Context, of, name string, from io.Reader) (Upload, error) {
	name = fitName(name)
	if name == "" {
		return Upload{}, engine.Errorf(engine.Invalid, "upload", "the file has no name")
	}
	if err := s.trusted("upload"); err != nil {
		return Upload{}, err
	}
	folder := "data"
	switch {
	case of != "":
		for part := range strings.SplitSeq(of, "/") {
			if part = fitName(part); part == "" {
				return Upload{}, engine.Errorf(engine.Invalid, "upload "+name, "its folder has no name")
			}
			folder += "/" + part
		}
	case strings.HasSuffix(name, ".wasm"):
		folder = "plugins"
	}
	temp, err := s.receive(folder, name, from)
	if err != nil {
		return Upload{}, err
	}
	defer os.Remove(temp)
	if folder == "plugins" {
		return s.addPlugin(ctx, temp, name)
	}
	rel := folder + "/" + name
	if err := s.place(temp, rel); err != nil {
		return Upload{}, err
	}
	if of != "" {
		return Upload{Path: rel, Kind: "data"}, nil
	}
	return s.addData(rel, name)
}

func (s *Server) trusted(op string) error {
	if w := s.bench.Current(); !w.Trusted {
		return workspace.ErrUntrusted(w.Root, op)
	}
	return nil
}

// receive writes a stream into a hidden file of a folder of the workspace.
func (s *Server) receive(folder, name string, from io.Reader) (temp string, err error) {
	fail := func(err error) error {
		return engine.Errorf(engine.Unavailable, "keep "+name, "%w", err).WithHint("check the disk space, and that the workspace is yours to write to")
	}
	dir := s.bench.Workspace.Path(folder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fail(err)
	}
	f, err := os.CreateTemp(dir, "."+name+"-*")
	if err != nil {
		return "", fail(err)
	}
	n, err := io.Copy(f, io.LimitReader(from, maxUpload+1))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil && n > maxUpload {
		err = errors.New("it is larger than 16 GB")
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err != nil {
		os.Remove(f.Name())
		return "", fail(err)
	}
	return f.Name(), nil
}

// place gives a received file its name, unless there is one of that name.
func (s *Server) place(temp, rel string) error {
	to := s.bench.Workspace.Path(rel)
	err := os.Link(temp, to) // unlike a rename, it replaces nothing
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if _, stat := os.Lstat(to); errors.Is(stat, fs.ErrNotExist) {
			err = os.Rename(temp, to) // a file system without links
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return engine.Errorf(engine.Conflict, "keep "+rel, "there is such a file already").WithHint("rename yours, or remove that one")
	}
	if err != nil {
		return engine.Errorf(engine.Unavailable, "keep "+rel, "%w", err)
	}
	return nil
}

func (s *Server) addPlugin(ctx context.Context, temp, name string) (Upload, error) {
	info, err := workbench.InspectPlugin(ctx, temp)
	if err != nil {
		return Upload{}, err
	}
	rel := "plugins/" + name
	if err := s.place(temp, rel); err != nil {
		return Upload{}, err
	}
	info.Path = rel
	_ = s.folder.reload(true) // what is wrong stands in Workspace.Problems
	return Upload{Path: rel, Kind: "plugin", Plugin: &info}, nil
}

// addData adds a source for a file or a folder and begins to pull it. What has
// a source already keeps that one, and what is new there is pulled: its records
// would be counted twice.
func (s *Server) addData(path, name string) (Upload, error) {
	source, dataset, err := s.sourceOf(path, name)
	if err != nil {
		return Upload{}, err
	}
	return s.pullAdded(Upload{Path: path, Kind: "data", Source: source, Dataset: dataset})
}

// pullAdded begins to pull the source of what was added.
func (s *Server) pullAdded(out Upload) (Upload, error) {
	pulled, err := s.pulls.start(PullInput{Sources: []string{out.Source}})
	if err != nil {
		return out, err
	}
	out.Pull = &pulled
	return out, nil
}

// sourceOf gives the source of a pattern, and its dataset; one that is not
// there yet is added. Files that are dropped together ask for theirs at once.
func (s *Server) sourceOf(path, name string) (source, dataset string, err error) {
	s.adding.Lock()
	defer s.adding.Unlock()
	for _, e := range s.bench.Current().Config.Sources {
		if e.Value.Type == "file" && e.Value.Path == path {
			return e.Key.Value, e.Value.Dataset, nil
		}
	}
	source = s.freeName(name)
	return source, source, s.writeSource(source, workspace.SourceSpec{Type: "file", Path: path, Dataset: source})
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// freeName makes a file's name the name of a source and a dataset that are
// not there yet.
func (s *Server) freeName(file string) string {
	base, _, _ := strings.Cut(strings.TrimLeft(file, "."), ".")
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(base), "_"), "_")
	name = strings.Trim(name[:min(len(name), 50)], "_")
	if store.CheckName(name) != nil {
		name = strings.TrimSuffix("data_"+name, "_")
	}
	w := s.bench.Current()
	for n := 1; ; n++ {
		free := name
		if n > 1 {
			free = fmt.Sprintf("%s_%d", name, n)
		}
		_, source := w.Config.Source(free)
		if _, err := s.bench.Store.Dataset(free); err != nil && !source && !s.bench.Expects(free) && free != "all_events" {
			return free
		}
	}
}

func (s *Server) adopt(ctx context.Context, path string) (Upload, error) {
	if err := s.trusted("open " + path); err != nil {
		return Upload{}, err
	}
	if name, uploaded := strings.CutPrefix(path, "data/"); uploaded && name != "" && name == fitName(name) {
		return s.addFolder(path, name)
	}
	if !filepath.IsAbs(path) {
		return Upload{}, engine.Errorf(engine.Invalid, "open "+path, "it is not a whole path")
	}
	info, err := os.Stat(path)
	if err != nil {
		return Upload{}, engine.Errorf(engine.NotFound, "open "+path, "%w", err)
	}
	if err := s.checkAdopted(path, info); err != nil {
		return Upload{}, err
	}
	name := filepath.Base(path)
	if strings.HasSuffix(name, ".wasm") && info.Mode().IsRegular() {
		f, err := os.Open(path)
		if err != nil {
			return Upload{}, engine.Errorf(engine.Unavailable, "open "+path, "%w", err)
		}
		defer f.Close()
		return s.upload(ctx, "", name, f)
	}
	pattern := literal(filepath.ToSlash(path))
	if info.IsDir() {
		pattern += "/**"
	}
	return s.addData(pattern, name)
}

// addFolder adds a source for a folder that was uploaded, and begins to pull it.
func (s *Server) addFolder(path, name string) (Upload, error) {
	if info, err := os.Stat(s.bench.Workspace.Path(path)); err != nil || !info.IsDir() {
		return Upload{}, engine.Errorf(engine.NotFound, "open "+path, "there is no such folder")
	}
	return s.addData(path+"/**", name)
}

// checkAdopted refuses what is no data: devices, and folders that hold the
// workspace or what it keeps of itself.
func (s *Server) checkAdopted(path string, info os.FileInfo) error {
	if !info.IsDir() && !info.Mode().IsRegular() {
		return engine.Errorf(engine.Invalid, "open "+path, "it is neither a file nor a folder").WithHint("choose a file, or a folder of files")
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return engine.Errorf(engine.NotFound, "open "+path, "%w", err)
	}
	root := s.bench.Workspace.Root
	state := workspace.StateDir(root)
	switch {
	case within(root, real), within(real, state), real == filepath.Join(root, workspace.FileName):
		return engine.Errorf(engine.Invalid, "open "+path, "the workspace itself is in it").WithHint("choose the folder that holds the data")
	}
	return nil
}

// within reports whether a path is a folder or lies somewhere in it.
func within(path, folder string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// literal writes a path as a pattern that means it alone.
func literal(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`).Replace(path)
}
