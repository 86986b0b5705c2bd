package server

import (
	"context"

	"tidemark.dev/tidemark/app/workbench"
)

// TryLookupInput is a key to be looked up.
type TryLookupInput struct {
	Key []string `json:"key" maxItems:"16"`
}

type tryLookupInput struct {
	Name string `path:"name"`
	Body TryLookupInput
}

func (s *Server) lookupsAPI() {
	handle(s, "GET", "/lookups", "listLookups", "What records are looked up in, and what that did", func(context.Context, *struct{}) ([]workbench.LookupInfo, error) {
		return s.bench.Lookups(), nil
	})
	handle(s, "POST", "/lookups/{name}/try", "tryLookup", "What a record with a key would get", func(ctx context.Context, in *tryLookupInput) (workbench.LookupTrial, error) {
		return s.bench.TryLookup(ctx, in.Name, in.Body.Key)
	})
}
