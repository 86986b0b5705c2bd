package server

import (
	"context"
	"time"

	"tidemark.dev/tidemark/app/workbench"
)

// DashboardParsed is a dashboard and what is wrong with it.
type DashboardParsed struct {
	workbench.DashboardView
	Problems []Problem `json:"problems"`
}

// TimeRange is a range of time.
type TimeRange struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

func (s *Server) dashboardsAPI() {
	handle(s, "POST", "/dashboards/parse", "parseDashboard", "What a dashboard shows", sayable(s.parseDashboard))
	handle(s, "POST", "/dashboards/item", "dashboardItem", "The rows of one item", inTurn(s, sayable(s.dashboardItem)))
	handle(s, "GET", "/dashboards/values", "filterValues", "The values of a path, the most frequent first", inTurn(s, s.filterValues))
	handle(s, "POST", "/time", "resolveTime", "The range that a text means now", sayable(s.resolveTime))
}

func (s *Server) parseDashboard(ctx context.Context, in *struct{ Body workbench.DashboardText }) (DashboardParsed, error) {
	view, err := s.bench.ParseDashboard(ctx, in.Body)
	return DashboardParsed{view, problemsOf(view.Err)}, err
}

func (s *Server) dashboardItem(ctx context.Context, in *struct{ Body workbench.DashboardQuery }) (workbench.ItemRows, error) {
	return s.bench.DashboardItem(ctx, in.Body)
}

func (s *Server) filterValues(ctx context.Context, in *struct {
	Path    string    `query:"path" required:"true"`
	Dataset string    `query:"dataset"`
	From    time.Time `query:"from"`
	To      time.Time `query:"to"`
},
) (workbench.FilterValues, error) {
	return s.bench.FilterValues(ctx, workbench.FilterQuery{Dataset: in.Dataset, Path: in.Path, From: in.From, To: in.To})
}

func (s *Server) resolveTime(ctx context.Context, in *struct {
	Body struct {
		Time     string   `json:"time" doc:"6h, 7d as of now, all, or two times: A/B."`
		Datasets []string `json:"datasets,omitempty"`
	}
},
) (TimeRange, error) {
	from, to, err := s.bench.ResolveTime(ctx, in.Body.Time, in.Body.Datasets)
	return TimeRange{from, to}, err
}
