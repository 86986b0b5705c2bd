package server

import (
	"context"

	"tidemark.dev/tidemark/app/workspace"
)

// File is a text file of the workspace.
type File struct {
	Path    string `json:"path"`
	Text    string `json:"text"`
	Version string `json:"version" doc:"Of the text; give it back to write."`
}

// FileVersion is a file without its text.
type FileVersion struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

// RenameInput gives a file another name.
type RenameInput struct {
	Path    string `json:"path"`
	To      string `json:"to"`
	Version string `json:"version"`
}

type readFileInput struct {
	Path string `query:"path" required:"true" doc:"tidemark.yaml, or a file in rules, tests, notebooks or dashboards."`
}

type deleteFileInput struct {
	Path    string `query:"path" required:"true"`
	Version string `query:"version" required:"true"`
}

func (s *Server) filesAPI() {
	handle(s, "GET", "/files", "readFile", "Read a file of the workspace", func(_ context.Context, in *readFileInput) (File, error) {
		text, err := s.files.Read(in.Path)
		return File{Path: in.Path, Text: string(text), Version: workspace.Version(text)}, err
	})
	handle(s, "PUT", "/files", "writeFile", "Write a file, unless it is another one meanwhile", func(_ context.Context, in *struct{ Body File }) (FileVersion, error) {
		f := in.Body
		version, err := s.files.Write(f.Path, []byte(f.Text), f.Version)
		if err == nil {
			s.wrote()
		}
		return FileVersion{f.Path, version}, err
	})
	handle(s, "DELETE", "/files", "deleteFile", "Move a file to the trash in .tidemark", func(_ context.Context, in *deleteFileInput) (Nothing, error) {
		err := s.files.Delete(in.Path, in.Version)
		if err == nil {
			s.wrote()
		}
		return Nothing{}, err
	})
	handle(s, "POST", "/files/rename", "renameFile", "Give a file another name", func(_ context.Context, in *struct{ Body RenameInput }) (FileVersion, error) {
		err := s.files.Rename(in.Body.Path, in.Body.To, in.Body.Version)
		if err == nil {
			s.wrote()
		}
		return FileVersion{in.Body.To, in.Body.Version}, err
	})
}

// wrote takes in what was written here at once, before the folder tells; what
// is wrong with it stands in Workspace.Problems.
func (s *Server) wrote() { _ = s.folder.reload(false) }
