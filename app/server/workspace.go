package server

import "context"

// Workspace is what is open.
type Workspace struct {
	Name    string `json:"name"`
	Dir     string `json:"dir"`
	Version string `json:"version" doc:"Of the program."`
	Trusted bool   `json:"trusted"`
	Desktop bool   `json:"desktop" doc:"The page is in the desktop window."`
}

func (s *Server) workspaceAPI() {
	handle(s, "GET", "/workspace", "getWorkspace", "What is open", s.getWorkspace)
}

func (s *Server) getWorkspace(context.Context, *struct{}) (Workspace, error) {
	w := s.bench.Workspace
	return Workspace{
		Name: w.Config.Name, Dir: w.Root, Version: s.opt.Version, Trusted: w.Trusted, Desktop: s.opt.Native != nil,
	}, nil
}
