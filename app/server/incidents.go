package server

import (
	"context"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// IncidentList is a part of the incidents, newest first.
type IncidentList struct {
	Incidents []store.IncidentRow `json:"incidents"`
	More      bool                `json:"more" doc:"There are more than the limit."`
}

// AlarmStanding is where the alarm of one group stands.
type AlarmStanding struct {
	Rule   string    `json:"rule"`
	Key    string    `json:"key" doc:"The group: name=value."`
	State  string    `json:"state" enum:"ALARM,OK,INSUFFICIENT_DATA"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

func (s *Server) incidentsAPI() {
	handle(s, "GET", "/incidents", "listIncidents", "Alarms that went off, newest first", s.listIncidents)
	handle(s, "GET", "/incidents/{id}", "getIncident", "One incident and its timeline", func(ctx context.Context, in *incidentInput) (workbench.IncidentDetail, error) {
		return s.bench.Incident(ctx, in.ID)
	})
	handle(s, "POST", "/incidents/{id}", "actOnIncident", "Acknowledge, assign, comment or label an incident", func(ctx context.Context, in *struct {
		ID   string `path:"id"`
		Body workbench.IncidentAction
	},
	) (workbench.IncidentDetail, error) {
		return s.bench.ActOnIncident(ctx, in.ID, in.Body)
	})
	handle(s, "GET", "/incidents/{id}/report", "incidentReport", "What the runbook of an incident found", func(ctx context.Context, in *struct {
		ID  string `path:"id"`
		Run int64  `query:"run" doc:"Which run; absent: the newest."`
	},
	) (workbench.RunbookReport, error) {
		return s.bench.Report(ctx, in.ID, in.Run)
	})
	handle(s, "POST", "/incidents/{id}/runbook", "startRunbook", "Run the rule's runbook for an incident", func(ctx context.Context, in *struct {
		ID   string `path:"id"`
		Body struct {
			Who string `json:"who,omitempty"`
		}
	},
	) (workbench.IncidentDetail, error) {
		return s.bench.StartRunbook(ctx, in.ID, in.Body.Who)
	})
	handle(s, "GET", "/alarms/states", "alarmStates", "Where the alarm of each group stands", s.alarmStates)
}

type incidentInput struct {
	ID string `path:"id"`
}

func (s *Server) listIncidents(ctx context.Context, in *struct {
	Rule    string    `query:"rule"`
	Dataset string    `query:"dataset"`
	State   string    `query:"state" enum:"open,closed,withdrawn" doc:"Without it: open and closed ones."`
	From    time.Time `query:"from"`
	To      time.Time `query:"to"`
	Limit   int       `query:"limit" minimum:"1" maximum:"10000" default:"500"`
},
) (IncidentList, error) {
	rows, err := s.bench.Store.Incidents(ctx, store.IncidentFilter{Rule: in.Rule, Dataset: in.Dataset, State: in.State, From: in.From, To: in.To, Limit: in.Limit + 1})
	out := IncidentList{Incidents: rows}
	if len(rows) > in.Limit {
		out.Incidents, out.More = rows[:in.Limit], true
	}
	return out, err
}

func (s *Server) alarmStates(ctx context.Context, in *struct {
	Rule string `query:"rule"`
},
) ([]AlarmStanding, error) {
	states, err := s.bench.Store.AlarmStates(ctx, in.Rule)
	out := []AlarmStanding{}
	for _, a := range states {
		out = append(out, standing(a))
	}
	return out, err
}

func standing(a engine.AlarmState) AlarmStanding {
	return AlarmStanding{a.Rule, workbench.KeyText([]byte(a.Key)), a.State, a.Since, a.Reason}
}
