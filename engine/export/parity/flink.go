package parity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrNoFlink says that a folder holds no Flink, or that there is no JVM.
var ErrNoFlink = errors.New("there is no Flink")

// FlinkFolder is what exported SQL has as its source, and as its sink, when the
// records lie in the folder in of dir and what it tells goes to the folder out.
func FlinkFolder(dir string) (source, sink string) {
	return fmt.Sprintf("'connector' = 'filesystem', 'path' = '%s'", filepath.Join(dir, "in")),
		fmt.Sprintf("'connector' = 'filesystem', 'path' = '%s/TABLE'", filepath.Join(dir, "out"))
}

// Flink runs exported SQL on the Flink that lies in home, with FlinkFolder of
// dir as its source and sink, until all records have been read. It tells what
// the job said of a rule with the given keys, in any order.
func Flink(ctx context.Context, home, dir string, statements []byte, rule string, keys []string, tell func(Told)) error {
	file := filepath.Join(dir, "pipeline.sql")
	if err := os.WriteFile(file, statements, 0o600); err != nil {
		return err
	}
	if err := RunFlink(ctx, home, file); err != nil {
		return err
	}
	for _, table := range []string{"panes", "alarms"} {
		if err := flinkRows(filepath.Join(dir, "out", rule+"_"+table), keys, tell); err != nil {
			return err
		}
	}
	return nil
}

// flinkRows reads the files that Flink wrote of a table.
func flinkRows(dir string, keys []string, tell func(Told)) error {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(data) {
			t, err := flinkRow(line, keys)
			if err != nil {
				return fmt.Errorf("read what Flink tells: %w", err)
			}
			tell(t)
		}
	}
	return nil
}

// flinkTime is how Flink writes a time, to the millisecond.
const flinkTime = "2006-01-02 15:04:05.999"

func flinkRow(line []byte, keys []string) (t Told, err error) {
	row := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&row); err != nil {
		return t, err
	}
	t.Key = map[string]any{}
	for _, k := range keys {
		t.Key[k] = row[k]
	}
	at := row["window_end"]
	if at == nil { // it tells of an alarm
		at = row["at"]
		t.State = fmt.Sprint(row["state"])
	} else if n, is := row["records"].(json.Number); is {
		if t.Records, err = n.Int64(); err != nil {
			return t, err
		}
	}
	t.End, err = time.Parse(flinkTime, fmt.Sprint(at))
	return t, err
}

// opened are the packages of the JVM that Flink wants to look into.
var opened = []string{
	"java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
	"java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks",
}

// RunFlink executes a file of statements on the Flink in a folder, and waits
// for their jobs: its SQL client starts a cluster in its own process and ends
// with it. The error holds what Flink said.
func RunFlink(ctx context.Context, home, file string) error {
	if found, err := filepath.Glob(filepath.Join(home, "lib", "flink-dist-*.jar")); err != nil || len(found) == 0 {
		return fmt.Errorf("%w in %s", ErrNoFlink, home)
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return fmt.Errorf("%w that can run: %w", ErrNoFlink, err)
	}
	args := []string{"-Xmx1g", "-Dfile.encoding=UTF-8", "--add-exports=java.base/sun.net.util=ALL-UNNAMED"}
	for _, p := range opened {
		args = append(args, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	jars, err := filepath.Glob(filepath.Join(home, "opt", "flink-sql-*.jar"))
	if err != nil {
		return err
	}
	jars = append(jars, filepath.Join(home, "lib", "*"))
	args = append(args, "-cp", strings.Join(jars, string(os.PathListSeparator)), "org.apache.flink.table.client.SqlClient", "embedded", "-f", file)
	cmd := exec.CommandContext(ctx, java, args...)
	cmd.Env = append(cmd.Environ(), "FLINK_CONF_DIR="+filepath.Join(home, "conf"))
	out, err := cmd.CombinedOutput()
	if s := string(out); err != nil || strings.Contains(s, "[ERROR]") || !strings.Contains(s, "Complete execution of the SQL update statement") {
		return errors.Join(errors.New("flink failed"), err, errors.New(flinkCauses(s)))
	}
	return nil
}

// flinkCauses are the lines of an output that say what went wrong.
func flinkCauses(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if strings.Contains(line, "ERROR") || strings.HasPrefix(line, "Caused by") || strings.Contains(line, "Exception: ") {
			b.WriteString(line)
		}
	}
	if b.Len() == 0 {
		return out
	}
	return b.String()
}
