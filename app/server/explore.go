package server

import (
	"context"

	"tidemark.dev/tidemark/app/workbench"
)

// RecordDetail is one record, whole.
type RecordDetail struct {
	Columns []workbench.ShownValue `json:"columns"`
}

func (s *Server) exploreAPI() {
	handle(s, "POST", "/explore", "explore", "What matches, how it lies in time and what its fields hold", inTurn(s, sayable(s.explore)))
	handle(s, "POST", "/explore/context", "context", "The query for the records around one", sayable(s.context))
	handle(s, "GET", "/datasets/{name}/records/{seq}", "getRecord", "One record, whole", inTurn(s, s.getRecord))
}

func (s *Server) explore(ctx context.Context, in *struct{ Body workbench.Exploration }) (workbench.Explored, error) {
	return s.bench.Explore(ctx, in.Body)
}

func (s *Server) context(ctx context.Context, in *struct{ Body workbench.Surroundings }) (workbench.ComposedQuery, error) {
	return s.bench.Context(ctx, in.Body)
}

func (s *Server) getRecord(ctx context.Context, in *struct {
	Name string `path:"name"`
	Seq  int64  `path:"seq"`
},
) (RecordDetail, error) {
	columns, err := s.bench.Record(ctx, in.Name, in.Seq)
	return RecordDetail{columns}, err
}
