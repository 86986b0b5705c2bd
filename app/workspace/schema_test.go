package workspace

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
)

// fullFiles is a file of each kind that uses (nearly) every key.
var fullFiles = map[string]string{
	"workspace": example,
	"test": `tests:
  - name: late event revises the minute
    window: {tumbling: 2m, offset: 1h, time_zone: Europe/Berlin}
    group_by: [k]
    measures: {n: count(), total: sum(v), all: list(v)}
    watermark: manual
    late: {allowed: forever, mode: update}
    trigger: {early: {every: 1m}, late: {count: 1}}
    accumulation: accumulating
    steps:
      - {now: "2026-01-01T12:05:00Z"}
      - {events: [{t: "2026-01-01T12:00:26Z", k: a, v: 5}]}
      - {watermark: "2026-01-01T12:02:00Z"}
      - {watermark: 12.5}
      - {watermark: max}
      - {watermark: {shard-1: 3, shard-2: "2026-01-01T12:02:00Z"}}
      - {expect_panes: [{window: ["2026-01-01T12:00:00Z","2026-01-01T12:02:00Z"], key: {k: a}, timing: on_time, index: 0, final: false, values: {n: 1, total: 5}}]}
      - {expect_alarms: [{key: {k: a}, state: ALARM}]}
      - {expect_dropped: 0}
  - {name: strategy, rule: r, watermark: {strategy: max_lateness, lateness: 5m}, trigger: {late: never}, late: {allowed: 5m}}
  - {name: hop, window: {hopping: {size: 2m, every: 1m}}, watermark: median}
  - {name: alarm, alarm: {datapoints: 2, of: 3, missing: missing}, points: "0 - X - X", state: OK, expect: ALARM}
`,
	"dashboard": `title: Shop
time: 6h
refresh: 10s
filters: [service, level]
rows:
  - height: 200
    items:
      - {title: a, sql: select 1, type: line, x: t, y: n, series: s, width: 2}
      - {measure: count(), type: big_number, y: [a, b]}
`,
}

func decodeKind(kind, src string) error {
	switch kind {
	case "workspace":
		_, err := decodeConfig(FileName, []byte(src), nil)
		return err
	case "test":
		_, err := DecodeTests("t.yaml", []byte(src))
		return err
	}
	_, err := DecodeDashboard("d.yaml", []byte(src))
	return err
}

func compile(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	src, err := SchemaOf(kind)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("s.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON is what an editor validates: the YAML as plain values.
func asJSON(t *testing.T, src string) any {
	t.Helper()
	var v any
	if err := yamlfile.Decode("f.yaml", []byte(src), &v); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSchemaAndDecoderAgree(t *testing.T) {
	for kind, full := range fullFiles {
		t.Run(kind, func(t *testing.T) {
			schema := compile(t, kind)
			if err := decodeKind(kind, full); err != nil {
				t.Errorf("decode: %v", err)
			}
			if err := schema.Validate(asJSON(t, full)); err != nil {
				t.Errorf("schema: %v", err)
			}
			// Misspell one key after the other: both must refuse each.
			for _, key := range keysIn(full) {
				broken := strings.Replace(full, key+":", key+"zz:", 1)
				schemaErr, decodeErr := schema.Validate(asJSON(t, broken)), decodeKind(kind, broken)
				if schemaErr == nil || decodeErr == nil {
					t.Errorf("%szz: schema says %v, decoder says %v", key, schemaErr, decodeErr)
				}
			}
		})
	}
}

// keysIn lists known keys that stand in the file exactly once.
func keysIn(src string) []string {
	var keys []string
	for _, k := range []string{
		"name", "limits", "temp", "role_arn", "path_style", "event_time", "use_case", "watermark", "max_future",
		"quota", "records_per_second", "retention", "accumulation", "late", "early", "expect_panes", "expect_dropped",
		"points", "title", "refresh", "filters", "height", "series", "time_zone", "every", "step", "timing",
	} {
		if strings.Count(src, k+":") == 1 {
			keys = append(keys, k)
		}
	}
	return keys
}

func TestScaffoldFitsItsSchemas(t *testing.T) {
	if err := compile(t, "workspace").Validate(asJSON(t, string(contentOf(FileName, "x")))); err != nil {
		t.Error(err)
	}
}

func TestSchemaOfUnknownKind(t *testing.T) {
	if _, err := SchemaOf("rul"); err == nil {
		t.Error("no error")
	}
}
