package workspace

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"tidemark.dev/tidemark/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestCreateMakesAWorkspaceThatLoads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my shop")
	files, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := Load(dir, Options{Trusted: true, LookupEnv: os.LookupEnv})
	if err != nil {
		t.Fatal(err)
	}
	if w.Config.Name != "my shop" || len(w.Rules) != 1 || len(w.Notebooks) != 1 || len(files) != 7 {
		t.Errorf("%q %v %v %v", w.Config.Name, w.Rules, w.Notebooks, files)
	}
	if _, err := Create(dir); engine.KindOf(err) != engine.Conflict {
		t.Errorf("creating it again: %v", err)
	}
}

func TestCreateKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, ".gitignore")); string(got) != "mine\n" {
		t.Errorf("overwritten: %q", got)
	}
}

func TestFindWalksUp(t *testing.T) {
	dir := t.TempDir()
	if _, err := Find(dir); engine.KindOf(err) != engine.NotFound {
		t.Fatal(err)
	}
	if _, err := Create(dir); err != nil {
		t.Fatal(err)
	}
	root, _ := Root(dir)
	if got, err := Find(filepath.Join(dir, "rules")); err != nil || got != root {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Find(filepath.Join(dir, "nowhere")); engine.KindOf(err) != engine.NotFound {
		t.Error(err)
	}
}

const example = `name: shop
sources:
  archive: {type: s3, url: "s3://logs/app/", endpoint: "http://127.0.0.1:9000", region: us-east-1, path_style: true, format: auto, dataset: app_logs, profile: p, role_arn: "arn:aws:iam::123456789012:role/r", include: "*.gz", exclude: [a, b]}
  live:    {type: kinesis, stream: app-logs, endpoint: "http://127.0.0.1:4567", region: us-east-1, start: 2026-01-01T00:00:00Z, dataset: app_logs}
  files:   {type: file, path: "data/**/*.ndjson.gz", format: auto, dataset: app_logs}
  again:   {type: replay, of: archive, speed: 60, dataset: app_logs_replayed}
datasets:
  app_logs:
    event_time: ts
    envelope: {service: svc, level: severity}
    labels: [region, use_case]
    watermark: {strategy: percentile, lateness: 10m, idle: 1m, max_future: 5m, p: 0.95}
    schema: infer
    transforms: [mask_pii]
    columns: {body.email: mask, body.card: drop, labels.user: hash}
    late: {allowed: 20m, mode: update}
    rollups: [1m, 10m, 1h, 1d]
    dedup: body.event_id
    quota: {by: service, records_per_second: 1000, over: sample}
    retention: {hot: 33d, archive: "s3://logs-archive/app/"}
  orders: {key: [body.order_id], deleted: body.gone}
channels:
  team: {type: slack, url: "${SLACK_URL}"}
limits: {memory: 2GB, threads: 2, temp: 20GB}
`

func env(vars map[string]string) LookupEnv {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func TestTheWholeConfiguration(t *testing.T) {
	c, err := decodeConfig(FileName, []byte(example), env(map[string]string{"SLACK_URL": "https://hooks.example/x"}))
	if err != nil {
		t.Fatal(err)
	}
	d := c.Dataset("app_logs")
	team, _ := c.Channel("team")
	live, _ := c.Source("live")
	got := []any{
		names(c.Sources), live.Start, c.Sources[0].Value.Include, d.Envelope.Map(), d.Watermark.P, d.Late.Allowed,
		d.Rollups, d.Columns[0].Key.Value, c.Datasets[1].Value.Key, d.Quota.Over, d.Retention.Hot, team.URL, c.Limits.Memory.String(),
	}
	want := []any{
		[]string{"archive", "live", "files", "again"},
		Start{Position: "at", Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		List{"*.gz"},
		map[string]string{"service": "svc", "level": "severity"},
		0.95, 20 * time.Minute,
		[]time.Duration{time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour},
		"body.email",
		List{"body.order_id"},
		"sample", 33 * 24 * time.Hour, "https://hooks.example/x", "2GB",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if of, _ := c.Source("again"); of.Bounded() || !c.Sources[0].Value.Bounded() {
		t.Error("s3 is bounded, replay is not")
	}
}

func TestUndeclaredDatasetHasTheDefaults(t *testing.T) {
	c := Default()
	d := c.Dataset("x")
	if d.Watermark.Lateness != 10*time.Minute || d.Late.Allowed != 10*time.Minute || d.Late.Mode != "update" ||
		d.Schema != "infer" || len(d.Rollups) != 1 || d.Rollups[0] != time.Minute {
		t.Errorf("%+v", d)
	}
	c, err := decodeConfig(FileName, []byte("datasets: {x: {watermark: {lateness: 0s}, rollups: []}}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Dataset("x"); d.Watermark.Lateness != 0 || d.Late.Allowed != 0 || len(d.Rollups) != 0 {
		t.Errorf("what the file says is overridden: %+v", d)
	}
}

func TestUntrustedWorkspaceExpandsNothing(t *testing.T) {
	src := `channels: {team: {type: slack, url: "${SLACK_URL}"}}
sources: {a: {type: s3, url: "${URL}", endpoint: "${EP}", dataset: d}, k: {type: kinesis, stream: "${S}", start: "${T}", dataset: d}}
limits: {threads: "${N}"}
`
	c, err := decodeConfig(FileName, []byte(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	if team, _ := c.Channel("team"); team.URL != "${SLACK_URL}" {
		t.Errorf("url is %q", team.URL)
	}
	_, err = decodeConfig(FileName, []byte(src), env(nil))
	for _, want := range []string{"SLACK_URL is not set", "variable N is not set", "variable T is not set"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
}

func TestExpand(t *testing.T) {
	lookup := env(map[string]string{"A": "1", "EMPTY": "", "NESTED": "${A}"})
	for in, want := range map[string]string{
		"": "", "plain $A": "plain $A", "${A}": "1", "x${A}y${A}": "x1y1", "$${A}": "${A}", "$$${A}": "$${A}",
		"${EMPTY}": "", "${NESTED}": "${A}", "$${A} ${A}": "${A} 1",
	} {
		if got, err := lookup.expand(engine.Text{Value: in}); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for in, column := range map[string]int{"${MISSING}": 1, "ab${": 3, "$${A}${1}": 6, "${A B}": 1, "${A:-x}": 1} {
		_, err := lookup.expand(engine.Text{Value: in, File: "f", Line: 1, Column: 1})
		var e *engine.Error
		if !errors.As(err, &e) || e.Column != column {
			t.Errorf("%q: %v, want column %d", in, err, column)
		}
	}
}

// TestProblems compares what is said about each wrong file of
// testdata/problems.txtar: NAME.yaml, and NAME.out for what is said.
func TestProblems(t *testing.T) {
	file := filepath.Join("testdata", "problems.txtar")
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range ar.Files {
		want[f.Name] = string(f.Data)
	}
	out := &txtar.Archive{Comment: ar.Comment}
	for _, f := range ar.Files {
		name, ok := strings.CutSuffix(f.Name, ".yaml")
		if !ok {
			continue
		}
		var err error
		switch {
		case strings.HasPrefix(name, "test"):
			_, err = DecodeTests(f.Name, f.Data)
		case strings.HasPrefix(name, "dashboard"):
			_, err = DecodeDashboard(f.Name, f.Data)
		default:
			_, err = decodeConfig(f.Name, f.Data, env(nil))
		}
		got := render(err)
		out.Files = append(out.Files, f, txtar.File{Name: name + ".out", Data: []byte(got)})
		if !*update && got != want[name+".out"] {
			t.Errorf("%s:\n%s", f.Name, cmp.Diff(want[name+".out"], got))
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func render(err error) string {
	var b strings.Builder
	for _, e := range flatten(err) {
		var x *engine.Error
		if !errors.As(e, &x) {
			return "NOT OURS: " + e.Error()
		}
		b.WriteString(x.Error() + "\n")
		if x.Hint != "" {
			b.WriteString("-> " + x.Hint + "\n")
		}
	}
	return b.String()
}

func flatten(err error) []error {
	if err == nil {
		return nil
	}
	j, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range j.Unwrap() {
		out = append(out, flatten(e)...)
	}
	return out
}

func TestPluginSettings(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(FileName, "name: x\n")
	write("plugins/mask.wasm", "")
	write("plugins/mask.yaml", "enabled: false\nmemory: 64MB\ndeadline: 500ms\nfields: [body.email]\nconfig: {with: \"*\"}\n")
	write("plugins/other.wasm", "")
	w, err := Load(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	mask, _ := w.Plugin("mask")
	other, _ := w.Plugin("other")
	s := mask.Settings
	if s.Enabled || s.Memory != 64e6 || s.Deadline != 500*time.Millisecond || s.Config["with"] != "*" || !other.Settings.Enabled || other.SettingsFile != "" {
		t.Errorf("%+v\n%+v", mask, other)
	}
	write("plugins/other.yaml", "enabld: true\n")
	if _, err := Load(dir, Options{}); err == nil || !strings.HasPrefix(err.Error(), "plugins/other.yaml:1:1: unknown key enabld") {
		t.Error(err)
	}
}

func TestPrepareRefusesAStateFolderThatLeadsElsewhere(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	if err := os.Symlink(other, StateDir(dir)); err != nil {
		t.Fatal(err)
	}
	if err := New(dir, Default()).Prepare(); engine.KindOf(err) != engine.Invalid {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(other); len(left) != 0 {
		t.Errorf("wrote %v there", left)
	}
}

func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	w := New(dir, Default())
	for range 2 {
		if err := w.Prepare(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(w.StateDir())
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if got, _ := os.ReadFile(filepath.Join(w.StateDir(), ".gitignore")); string(got) != "*\n" {
		t.Errorf(".gitignore: %q", got)
	}
	for _, kind := range SchemaKinds() {
		if _, err := os.Stat(filepath.Join(w.SchemaDir(), kind+".json")); err != nil {
			t.Error(err)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(example)
	f.Fuzz(func(t *testing.T, src string) {
		_, _ = decodeConfig(FileName, []byte(src), nil)
		_, _ = DecodeTests("t.yaml", []byte(src))
		_, _ = DecodeDashboard("d.yaml", []byte(src))
	})
}
