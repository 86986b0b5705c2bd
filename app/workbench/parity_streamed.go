package workbench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/export/parity"
	"tidemark.dev/tidemark/engine/plan"
)

// said is what a job that reads the records told, by group and slot.
type said struct {
	states  map[string]map[int64]string
	records map[string]map[int64]int64
}

// hears collects what a job tells.
func (p *paritying) hears() (*said, func(parity.Told)) {
	s := &said{map[string]map[int64]string{}, map[string]map[int64]int64{}}
	return s, func(t parity.Told) {
		key, slot := p.keyTold(t.Key), p.rule.Plan.Window.Index(t.End)-1
		if s.states[key] == nil {
			s.states[key], s.records[key] = map[int64]string{}, map[int64]int64{}
		}
		if t.State != "" {
			s.states[key][slot] = t.State
		} else {
			s.records[key][slot] += t.Records
		}
	}
}

// keyTold names a group by its values in JSON as keyOf does.
func (p *paritying) keyTold(values map[string]any) (key string) {
	for _, k := range p.rule.Plan.Keys {
		text := ""
		switch v := values[k.Name].(type) {
		case nil:
		case json.Number:
			text = v.String()
			if micros, err := v.Int64(); err == nil && k.Stored.Kind == engine.Timestamp {
				text = plan.Time(time.UnixMicro(micros)).String()
			}
		default:
			text = fmt.Sprint(v)
		}
		key += fmt.Sprintf("%q,", text)
	}
	return key
}

// heard tells in which slots groups were in alarm: a state holds until
// another is told.
func (p *paritying) heard(s *said) map[string]map[int64]bool {
	firing := map[string]map[int64]bool{}
	for key, states := range s.states {
		firing[key] = map[int64]bool{}
		state := ""
		for slot := p.earliest; slot < p.end; slot++ {
			if changed, is := states[slot]; is {
				state = changed
			}
			firing[key][slot] = state == "ALARM"
		}
	}
	return firing
}

// connect replays the exported pipeline over the records, in the order in which
// they were delivered. They come as they are when policies and plugins have run.
func (p *paritying) connect(ctx context.Context) (map[string]map[int64]bool, error) {
	s, tell := p.hears()
	if err := parity.Connect(ctx, p.exported.Data, p.records(ctx), tell); err != nil {
		return nil, err
	}
	p.said = s
	return p.heard(s), nil
}

// flink replays the exported job over the records in the order in which they
// happened: what its watermark leaves out of others is a matter of its pace.
func (p *paritying) flink(ctx context.Context) (map[string]map[int64]bool, error) {
	if err := p.writeRecords(ctx, filepath.Join(p.folder, "in")); err != nil {
		return nil, err
	}
	s, tell := p.hears()
	var keys []string
	for _, k := range p.rule.Plan.Keys {
		keys = append(keys, k.Name)
	}
	err := parity.Flink(ctx, p.flinkHome, p.folder, p.exported.Data, p.rule.Name, keys, tell)
	if errors.Is(err, parity.ErrNoFlink) {
		return nil, engine.Errorf(engine.Unavailable, "parity "+p.rule.Name, "%w", err).WithHint("name the folder of a Flink with --flink DIR or in TIDEMARK_FLINK")
	}
	if err != nil {
		return nil, err
	}
	p.said = s
	return p.heard(s), nil
}

func (p *paritying) writeRecords(ctx context.Context, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "records.json"))
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	err = p.eachRecord(ctx, "r.event_time", func(r parity.Record) bool {
		_, err := out.Write(append(r.Data, '\n'))
		return err == nil // Flush tells
	})
	return errors.Join(err, out.Flush())
}

// records are those that may enter the windows, and one that comes after them
// all, as life goes on: it moves the watermark past the end.
func (p *paritying) records(ctx context.Context) iter.Seq2[parity.Record, error] {
	return func(yield func(parity.Record, error) bool) {
		goesOn := true
		err := p.eachRecord(ctx, "delivered, r.event_time", func(r parity.Record) bool {
			goesOn = yield(r, nil)
			return goesOn
		})
		if goesOn && err != nil {
			yield(parity.Record{}, err)
		} else if goesOn {
			yield(p.afterwards())
		}
	}
}

// eachRecord stops where each says so.
func (p *paritying) eachRecord(ctx context.Context, order string, each func(parity.Record) bool) error {
	query, err := p.recordsQuery(ctx, order)
	if err != nil {
		return err
	}
	rows, err := p.bench.Store.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		var at time.Time
		if err := rows.Scan(&text, &at); err != nil {
			return err
		}
		if !each(parity.Record{Data: []byte(text), At: at}) {
			return nil
		}
	}
	return rows.Err()
}

// afterwards is a record without anything but its time.
func (p *paritying) afterwards() (parity.Record, error) {
	source := p.exported.Rules[0].Source
	at := p.rule.Plan.Window.Start(p.end).Add(source.Lateness)
	var record any = at.Format(time.RFC3339Nano)
	for _, name := range slices.Backward(source.Place(engine.Path{"event_time"})) {
		record = map[string]any{name: record}
	}
	data, err := json.Marshal(record)
	return parity.Record{Data: data, At: at}, err
}

// recordsQuery gives the records as JSON, with what the rule reads of them where
// they had it before they were pulled.
func (p *paritying) recordsQuery(ctx context.Context, order string) (string, error) {
	paths := slices.DeleteFunc(p.rule.Plan.Columns(), func(path engine.Path) bool { return path.String() == "_late" })
	known, err := p.bench.Store.Dataset(p.rule.Plan.Dataset)
	if err != nil {
		return "", err
	}
	root := member{}
	for _, path := range paths {
		_, t, err := known.Resolve(path)
		if err != nil {
			return "", err
		}
		root.put(p.exported.Rules[0].Source.Place(path), asText("r."+engine.QuoteIdent(path.String()), t))
	}
	from, err := p.deliveries(ctx, paths)
	if err != nil {
		return "", err
	}
	w := p.rule.Plan.Window
	return fmt.Sprintf("SELECT (%s)::VARCHAR, %s AS delivered FROM %s\nWHERE r.event_time >= %s AND r.event_time < %s\nORDER BY %s",
		root.sql(), deliveredAt, from, instantSQL(w.Start(p.earliest)), instantSQL(w.Start(p.end)), order), nil
}

func instantSQL(t time.Time) string { return fmt.Sprintf("make_timestamptz(%d)", t.UnixMicro()) }

// asText is a value as JSON has it: instants in RFC 3339, and no infinity.
func asText(value string, t engine.Type) string {
	switch t.Kind {
	case engine.Timestamp:
		return "strftime(" + value + " AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
	case engine.Date, engine.UUID:
		return value + "::VARCHAR"
	case engine.Double:
		return "CASE WHEN isfinite(" + value + ") THEN " + value + " END"
	}
	return value
}

// member is a part of a record: a value, or an object of members in their
// order.
type member struct {
	name, value string
	members     []*member
}

// put adds a value at a path. Of two values at one path the first stays.
func (m *member) put(at engine.Path, value string) {
	i := slices.IndexFunc(m.members, func(x *member) bool { return x.name == at[0] })
	if i < 0 {
		i, m.members = len(m.members), append(m.members, &member{name: at[0]})
	}
	switch x := m.members[i]; {
	case len(at) > 1:
		x.put(at[1:], value)
	case x.value == "":
		x.value = value
	}
}

func (m *member) sql() string {
	if len(m.members) == 0 {
		return m.value
	}
	parts := make([]string, len(m.members))
	for i, x := range m.members {
		parts[i] = engine.QuoteText(x.name) + ", " + x.sql()
	}
	return "json_object(" + strings.Join(parts, ", ") + ")"
}

// whySaid looks for records that came when their window had been told, and for
// windows of which nothing was told, among those that decide.
func (p *paritying) whySaid(key string, moved map[int64]int64, slot int64) string {
	var missed, extra int64
	for s := slot - int64(p.rule.Alarm.Of) + 1; s <= slot; s++ {
		missed += max(0, moved[s])
		extra += max(0, -moved[s])
	}
	_, told := p.said.records[key][slot]
	switch {
	case missed > 0:
		return fmt.Sprintf("%d records of the windows that decide came when those had been told, and were not counted", missed)
	case extra > 0:
		return fmt.Sprintf("%d records were counted there that are not counted here", extra)
	case !told:
		return "the group has no records in the window, so nothing is told of it and the state before holds"
	}
	return "no older window stands in for a missing one, and sums of numbers with decimals are those of floating point"
}
