package tester

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/schema"
)

// table turns the events of a test into rows of a dataset, by the same steps
// as a pull: observe, agree on types, conform.
type table struct {
	dataset engine.Dataset
	mapping engine.Mapping
	refused map[string]string
	// plain events write their time as t, and may write it in seconds.
	plain bool
}

// newTable finds the types of all events of a test.
func newTable(name string, body engine.Type, m engine.Mapping, plain bool, steps []workspace.TestStep) (*table, error) {
	t := &table{mapping: m, plain: plain}
	var seen schema.Observation
	c := schema.NewConformer(body, m, nil)
	for i := range steps {
		for _, e := range steps[i].Events {
			line, err := t.raw(e)
			if err != nil {
				return nil, place(memberAt(e, "t", steps[i].At.Key("events")), err)
			}
			if out := c.Conform(line); out.Reason != "" {
				return nil, steps[i].At.Key("events").At(0, "an event cannot be a record: %s", out.Reason).WithHint("write a mapping of names to values")
			}
			seen.Observe(c.Line(), c.Except())
		}
	}
	e := schema.Evolve(body, &seen, func(string) bool { return true })
	t.dataset = engine.Dataset{Name: name, Version: 1, Body: e.Body}
	t.refused = e.Refused
	return t, nil
}

// raw is the record of an event.
func (t *table) raw(event engine.Entries[any]) ([]byte, error) {
	record := make(map[string]any, len(event))
	for _, m := range event {
		if _, err := json.Marshal(m.Value); err != nil {
			return nil, m.Key.At(0, "%s: no record can hold this: %w", m.Key.Value, err).WithHint("write a number, text, true, false or null")
		}
		record[m.Key.Value] = m.Value
	}
	if t.plain {
		at, err := eventTime(record)
		if err != nil {
			return nil, err
		}
		delete(record, "shard")
		record["t"] = at.Format(time.RFC3339Nano)
	}
	return json.Marshal(record)
}

// memberAt is where a member of an event stands, or else another place.
func memberAt(event engine.Entries[any], name string, other engine.Text) engine.Text {
	for _, m := range event {
		if m.Key.Value == name {
			return m.Key
		}
	}
	return other
}

func eventTime(event map[string]any) (time.Time, error) {
	v, ok := event["t"]
	if !ok {
		return time.Time{}, engine.Errorf(engine.Invalid, "", "an event has no time").WithHint("write it as t: 2026-01-01T12:00:26Z, or t: 12.5")
	}
	if at, ok := v.(time.Time); ok {
		return at.UTC(), nil
	}
	return workspace.ParseTestTime(fmt.Sprint(v))
}

// row conforms an event and gives the values of paths.
func (t *table) row(event engine.Entries[any], paths []engine.Path) ([]plan.Value, error) {
	line, err := t.raw(event)
	if err != nil {
		return nil, err
	}
	c := schema.NewConformer(t.dataset.Body, t.mapping, t.refused)
	out := c.Conform(line)
	var text bytes.Buffer
	text.Write(c.Append(nil, 0, 0, 0))
	decoder := json.NewDecoder(&text)
	decoder.UseNumber()
	var row map[string]any
	if err := decoder.Decode(&row); err != nil {
		return nil, err
	}
	values := make([]plan.Value, len(paths))
	for i, p := range paths {
		if p[0] == "event_time" {
			if out.HasTime {
				values[i] = plan.Time(time.UnixMicro(out.EventTime))
			}
			continue
		}
		_, typ, err := t.dataset.Resolve(p)
		if err != nil {
			continue // _late and the like
		}
		values[i] = valueOf(member(row, p), typ)
	}
	return values, nil
}

func member(row map[string]any, p engine.Path) any {
	var v any = row
	for _, name := range p {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[name]
	}
	return v
}

// valueOf reads a conformed value as the plan wants it.
func valueOf(v any, t engine.Type) plan.Value {
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	if isNumber {
		text = number.String()
	}
	switch {
	case v == nil:
		return plan.Null
	case t.Kind == engine.Bool:
		b, _ := v.(bool)
		return plan.Bool(b)
	case (t.Kind == engine.BigInt || t.Kind == engine.HugeInt) && (isText || isNumber):
		if n, ok := new(big.Int).SetString(text, 10); ok {
			return plan.BigInt(n)
		}
	case (t.Kind == engine.Double || t.Kind == engine.Decimal) && (isText || isNumber):
		if f, err := json.Number(text).Float64(); err == nil {
			return plan.Double(f)
		}
	case (t.Kind == engine.Varchar || t.Kind == engine.UUID) && isText:
		return plan.Text(text)
	case t.Kind == engine.Timestamp || t.Kind == engine.Date:
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if at, err := time.Parse(layout, text); err == nil {
				return plan.Time(at)
			}
		}
	default:
		return plan.Bool(true)
	}
	return plan.Null
}

// place puts a position on an error that has none.
func place(at engine.Text, err error) error {
	var e *engine.Error
	if err == nil || errors.As(err, &e) && e.Line > 0 {
		return err
	}
	if e == nil {
		return at.At(0, "%w", err)
	}
	return at.At(0, "%w", e.Err).WithHint("%s", e.Hint)
}
