package main

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/internal/s3server"
)

// secret is what must not be found anywhere. It is long enough to be met in
// pieces of any encoding.
const secret = "Zq7-vXw4 \"ünsäglich\"/geheim@example.com"

// spies are the forms that the secret may take.
func spies() map[string][]byte {
	quoted, _ := json.Marshal(secret)
	escaped := []byte(strings.ReplaceAll(strings.ReplaceAll(string(quoted[1:len(quoted)-1]), "ü", `\u00fc`), "ä", `\u00e4`))
	out := map[string][]byte{
		"plain": []byte(secret), "JSON": quoted[1 : len(quoted)-1], "escaped": escaped, "core": []byte("Zq7-vXw4"), "tail": []byte("geheim@example"),
	}
	for i := range 3 { // base64 reads three bytes at a time, from anywhere
		text := base64.StdEncoding.EncodeToString([]byte(secret)[i:])
		out[fmt.Sprint("base64 from ", i)] = []byte(text[:len(text)/4*4-4])
	}
	return out
}

// findSecret reads every file below the folders, unpacked too, and names those
// that have the secret in any form.
func findSecret(t *testing.T, dirs ...string) {
	t.Helper()
	files := 0
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil // what goes away meanwhile is not there
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			files++
			look(t, path, data)
			for at := 0; ; {
				n := bytes.Index(data[at:], []byte{0x1f, 0x8b, 8})
				if n < 0 {
					return nil
				}
				at += n
				if z, err := gzip.NewReader(bytes.NewReader(data[at:])); err == nil {
					text, _ := io.ReadAll(io.LimitReader(z, 16<<20))
					look(t, path+" (unpacked)", text)
				}
				at++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files == 0 {
		t.Error("there was nothing to look through")
	}
}

func look(t *testing.T, path string, data []byte) {
	for form, text := range spies() {
		if bytes.Contains(data, text) {
			t.Errorf("%s holds the secret, %s", path, form)
		}
	}
}

// TestSpiesFindTheSecret proves that the search would find what it looks for.
func TestSpiesFindTheSecret(t *testing.T) {
	for form, text := range spies() {
		if len(text) < 8 {
			t.Errorf("%s is too short: %q", form, text)
		}
	}
	for i := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", i) + secret + "y"))
		found := false
		for _, spy := range spies() {
			found = found || strings.Contains(text, string(spy))
		}
		if !found {
			t.Errorf("not found in %s", text)
		}
	}
}

// bin is a workspace and the program to use it with.
type bin struct {
	*testing.T
	dir string
	env []string
}

func (b bin) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(b.dir, "..", "tidemark"), append([]string{"-w", b.dir}, args...)...)
	cmd.Env = append(os.Environ(), b.env...)
	return cmd
}

func (b bin) run(args ...string) string {
	b.Helper()
	var out, say bytes.Buffer
	cmd := b.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &say
	if err := cmd.Run(); err != nil {
		b.Fatalf("tidemark %v: %v\n%s%s", args, err, out.String(), say.String())
	}
	look(b.T, "what tidemark "+strings.Join(args, " ")+" says", say.Bytes())
	return out.String()
}

// privateArchive writes an archive of all formats with the secret in every
// place that a policy is about.
func privateArchive(t *testing.T, dir string) {
	t.Helper()
	quoted, _ := json.Marshal(secret)
	escaped := strings.ReplaceAll(string(quoted), "ü", `\u00fc`)
	line := func(n int) string {
		return fmt.Sprintf(`{"ts":"2026-01-01T00:00:%02dZ","n":%d,"message":%s,"user":%s,"email":%s,"Card":%s,"people":[{"mail":%s,"id":1},{"mail":null}],"deep":{"er":{"note":%s}},"svc":"a"}`,
			n%60, n, quoted, escaped, quoted, quoted, escaped, quoted)
	}
	var lines strings.Builder
	for n := range 3000 {
		lines.WriteString(line(n) + "\n")
	}
	lines.WriteString(`{"ts":"2026-01-01T00:00:00Z","email":` + string(quoted) + ",\n")                                             // ends early
	lines.WriteString(`{"email":` + escaped + `} and then ` + secret + "\n")                                                        // prose behind it
	lines.WriteString(`{"ts":"2026-01-01T00:00:01Z","email":"x","email":` + string(quoted) + `,"n":7}` + "\n")                      // a name twice
	lines.WriteString(`{"ts":"2026-01-01T00:00:02Z","email":{"a":` + string(quoted) + `},"n":` + string(quoted[:2]) + `x"}` + "\n") // other shapes
	lines.WriteString(`{"ts":"2026-01-01T00:00:03Z","n":8,"email":1}{"ts":"2026-01-01T00:00:03Z","n":9,"email":` + string(quoted) + "}\n")
	lines.WriteString("\xff" + secret + "\n")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(lines.String()))
	_ = z.Close()
	csv := "ts,n,message,user,email,card\n2026-01-01T00:01:00Z,1," + strings.Repeat(`"`+strings.ReplaceAll(secret, `"`, `""`)+`",`, 3) + "c\n"
	files := map[string][]byte{
		"a.ndjson": []byte(lines.String()), "b.ndjson.gz": packed.Bytes(), "c.csv": []byte(csv),
		"d.csv":     []byte("ts,n,email\n2026-01-01T00:01:00Z,1,\"" + secret[:8] + "\n"), // a quote is never closed
		"e.gz":      packed.Bytes()[:packed.Len()-40],
		"f.txt":     []byte("just words, and " + secret),
		"h.parquet": []byte("PAR1" + secret + "PAR1"),
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	text := "'" + strings.ReplaceAll(secret, "'", "''") + "'"
	_, err = db.Exec(`COPY (SELECT TIMESTAMPTZ '2026-01-01 00:02:00Z' AS ts, i AS n, ` + text + `::ENUM(` + text + `, 'other') AS email, ` + text + ` AS message,
		[{'mail': ` + text + `, 'id': i}] AS people, encode(` + text + `) AS card, ` + text + ` AS "user" FROM range(2000) r(i)) TO '` + filepath.Join(dir, "g.parquet") + `' (FORMAT parquet)`)
	if err != nil {
		t.Fatal(err)
	}
}

const privateWorkspace = `name: private
sources:
  far:  {type: s3, url: "s3://logs/", endpoint: "${S3}", path_style: true, region: us-east-1, dataset: logs}
  near: {type: file, path: "in/**", dataset: local}
datasets:
  logs:  &d
    event_time: ts
    labels: [user]
    columns: {message: truncate(4), labels.user: hash, body.email: mask, body.card: drop, body.people.mail: hash, body.deep.er.note: mask, body.emial: mask}
  local:
    event_time: ts
    labels: [user]
    columns: {message: truncate(4), labels.user: hash, body.email: mask, body.card: drop, body.people.mail: hash, body.deep.er.note: mask}
`

func newPrivate(t *testing.T) bin {
	t.Helper()
	top := t.TempDir()
	for _, d := range []string{"s3/logs", "w/in", "tmp"} {
		if err := os.MkdirAll(filepath.Join(top, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	privateArchive(t, filepath.Join(top, "s3", "logs"))
	privateArchive(t, filepath.Join(top, "w", "in"))
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(top, "tidemark"))
	}
	if err != nil {
		t.Fatal(err)
	}
	server := s3server.ForTest(t, filepath.Join(top, "s3"))
	b := bin{t, filepath.Join(top, "w"), []string{
		"S3=" + server.Endpoint, "AWS_ACCESS_KEY_ID=" + server.AccessKey, "AWS_SECRET_ACCESS_KEY=" + server.SecretKey,
		"TIDEMARK_CONFIG_DIR=" + filepath.Join(top, "config"), "TMPDIR=" + filepath.Join(top, "tmp"),
	}}
	text := strings.ReplaceAll(privateWorkspace, "&d", "")
	if err := os.WriteFile(filepath.Join(b.dir, "tidemark.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run("trust")
	return b
}

// places are the folders where something might have been left.
func (b bin) places() []string {
	shm, _ := filepath.Glob("/dev/shm/tidemark-*")
	return append(shm, filepath.Join(b.dir, ".tidemark"), filepath.Join(b.dir, "..", "tmp"))
}

func TestSensitiveValuesAreNowhere(t *testing.T) {
	b := newPrivate(t)
	var pulled struct {
		Read, Records, Quarantined, Dropped, Duplicates int64
		Unmet                                           []struct{ Path, Hint string } `json:"unmet_policies"`
	}
	if err := json.Unmarshal([]byte(b.run("pull", "--json")), &pulled); err != nil {
		t.Fatal(err)
	}
	findSecret(t, b.places()...)
	if pulled.Read != pulled.Records+pulled.Quarantined+pulled.Dropped+pulled.Duplicates || pulled.Quarantined == 0 || pulled.Dropped != 0 {
		t.Errorf("%+v", pulled)
	}
	if len(pulled.Unmet) != 1 || pulled.Unmet[0].Path != "body.emial" || !strings.Contains(pulled.Unmet[0].Hint, "body.email") {
		t.Errorf("%+v", pulled.Unmet)
	}
	for _, q := range []struct{ sql, want string }{
		{"SELECT count(DISTINCT labels['user']) AS n, min(length(labels['user'])) AS l FROM logs WHERE labels['user'] IS NOT NULL", "n,l\n1,32\n"},
		{"SELECT (SELECT min(labels['user']) FROM logs) = (SELECT max(labels['user']) FROM local) AS same", "same\ntrue\n"},
		{"SELECT DISTINCT message FROM logs WHERE message IS NOT NULL", "message\nZq7-\n"},
		{"SELECT DISTINCT body.email AS e FROM logs WHERE e IS NOT NULL", "e\n***\n"},
		{"SELECT count(*) AS n FROM duckdb_columns() WHERE data_type ILIKE '%card%'", "n\n0\n"},
		{"SELECT count(*) AS n FROM tidemark.quarantine WHERE raw IS NOT NULL", "n\n0\n"},
		{"SELECT count(*) > 0 AS some FROM tidemark.quarantine WHERE length(hash) = 32 AND bytes > 0", "some\ntrue\n"},
		{"SELECT count(DISTINCT people_mail) AS n FROM (SELECT unnest(body.people).mail AS people_mail FROM logs)", "n\n1\n"},
	} {
		if q.sql = strings.Replace(q.sql, "duckdb_columns() WHERE data_type", "(SELECT body::VARCHAR AS data_type FROM logs) WHERE data_type", 1); b.run("query", q.sql, "--format", "csv") != q.want {
			t.Errorf("%s: %s", q.sql, b.run("query", q.sql, "--format", "csv"))
		}
	}
	for _, args := range [][]string{
		{"quarantine", "list", "--json"},
		{"quarantine", "show", "1"},
		{"schema", "history", "logs"},
		{"schema", "conflicts", "logs"},
		{"schema", "show", "logs"},
		{"query", "SELECT * FROM all_events", "--format", "json"},
		{"query", "SELECT * FROM tidemark.schemas", "--format", "json"},
		{"sources", "test", "--json"},
		{"health"},
		{"quarantine", "replay", "--json"},
		{"pull", "--again", "--json"},
	} {
		look(t, strings.Join(args, " "), []byte(b.run(args...)))
		findSecret(t, b.places()...)
	}
}

func TestSensitiveValuesSurviveNoCrash(t *testing.T) {
	b := newPrivate(t)
	for n := range 40 { // enough for the kill to come in the middle
		data, err := os.ReadFile(filepath.Join(b.dir, "in", "a.ndjson"))
		if err == nil {
			err = os.WriteFile(filepath.Join(b.dir, "in", fmt.Sprintf("more-%d.ndjson", n)), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cut := 0
	for range 6 {
		cmd := b.command("pull")
		said, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitForStaging(b.dir)
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_, _ = io.ReadAll(said)
		if cmd.Wait() != nil {
			cut++
		}
		findSecret(t, b.places()...)
	}
	if cut == 0 {
		t.Error("no pull was killed in its middle")
	}
	b.run("pull")
	findSecret(t, b.places()...)
	if got := b.run("query", "SELECT count(*) = count(DISTINCT _position || body::VARCHAR) AS once FROM local WHERE _position LIKE '%more%'", "--format", "csv"); got != "once\ntrue\n" {
		t.Error(got)
	}
}

// waitForStaging returns when a pull has begun to stage rows, or is over.
func waitForStaging(dir string) {
	for range 2000 {
		for _, pattern := range []string{"/dev/shm/tidemark-*/batch-*", filepath.Join(dir, ".tidemark", "temp", "*", "batch-*")} {
			if found, _ := filepath.Glob(pattern); len(found) > 0 {
				return
			}
		}
		syscall.Select(0, nil, nil, nil, &syscall.Timeval{Usec: 1000})
	}
}
