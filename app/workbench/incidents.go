package workbench

import (
	"context"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// incidentsTable is what changes when incidents do.
const incidentsTable = "tidemark.incidents"

// IncidentDetail is an incident and its timeline.
type IncidentDetail struct {
	store.IncidentRow
	File     string                   `json:"file" doc:"The rule's file, if there still is one."`
	Runbook  string                   `json:"runbook"`
	Runbooks []store.Runbook          `json:"runbooks" doc:"The runs of runbooks for it, the newest first."`
	Timeline []store.IncidentEventRow `json:"timeline"`
}

// IncidentAction is what somebody does with an incident.
type IncidentAction struct {
	Do   string `json:"do" enum:"acknowledge,assign,comment,label"`
	Who  string `json:"who,omitempty" doc:"Who does it."`
	Text string `json:"text,omitempty" doc:"assign: to whom, empty for nobody. comment: what. label: true, false, or empty for neither."`
}

// Incident finds an incident by its id or the beginning of it.
func (b *Workbench) Incident(ctx context.Context, id string) (IncidentDetail, error) {
	row, err := b.Store.FindIncident(ctx, id)
	if err != nil {
		return IncidentDetail{}, err
	}
	out := IncidentDetail{IncidentRow: row}
	for _, f := range b.Current().Rules {
		if spec, err := b.Current().ReadRule(f); err == nil && spec.Rule.Value == row.Rule {
			out.File, out.Runbook = f, spec.Runbook.Value
		}
	}
	if out.Runbooks, err = b.Store.Runbooks(ctx, row.ID); err != nil {
		return out, err
	}
	out.Timeline, err = b.Store.IncidentEvents(ctx, row.ID)
	return out, err
}

// ActOnIncident does something with an incident and gives it as it is then.
func (b *Workbench) ActOnIncident(ctx context.Context, id string, a IncidentAction) (IncidentDetail, error) {
	row, err := b.Store.FindIncident(ctx, id)
	if err != nil {
		return IncidentDetail{}, err
	}
	e := engine.IncidentEvent{Incident: row.ID, At: b.clock.Now(), Who: strings.TrimSpace(a.Who), Text: strings.TrimSpace(a.Text)}
	if e.Kind, err = actionKind(a, e.Text); err != nil {
		return IncidentDetail{}, err
	}
	if err := b.Store.SayOfIncident(ctx, e); err != nil {
		return IncidentDetail{}, err
	}
	b.changed(incidentsTable)
	return b.Incident(ctx, row.ID)
}

func actionKind(a IncidentAction, text string) (string, error) {
	const op = "change an incident"
	switch a.Do {
	case "acknowledge":
		return engine.IncidentAcknowledged, nil
	case "assign":
		return engine.IncidentAssigned, nil
	case "comment":
		if text == "" {
			return "", engine.Errorf(engine.Invalid, op, "the comment is empty").WithHint("write what there is to say")
		}
		return engine.IncidentCommented, nil
	case "label":
		if text != "" && text != "true" && text != "false" {
			return "", engine.Errorf(engine.Invalid, op, "%q is no label", text).WithHint("write true if the alarm was right, false if not")
		}
		return engine.IncidentLabelled, nil
	}
	return "", engine.Errorf(engine.Invalid, op, "nobody can %s an incident", a.Do).WithHint("acknowledge, assign, comment or label it")
}
