// Package flink runs SQL on a real Flink, for tests: its SQL client starts a
// cluster in its own process and ends with it.
package flink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrMissing says that there is no Flink here.
var ErrMissing = errors.New("no Flink: make flink installs one, where a JVM, PyPI and Maven Central can be had")

// Dir is where scripts/flink.sh has put Flink, seen from anywhere in the
// repository.
func Dir() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; at = filepath.Dir(at) {
		dir := filepath.Join(at, ".tools", "flink")
		if _, err := os.Stat(filepath.Join(dir, "version")); err == nil {
			if _, err := exec.LookPath("java"); err != nil {
				return "", ErrMissing
			}
			return dir, nil
		}
		if at == filepath.Dir(at) {
			return "", ErrMissing
		}
	}
}

// opened are the packages of the JVM that Flink wants to look into.
var opened = []string{
	"java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time",
	"java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks",
}

// Run executes a file of statements, and waits for their jobs. The error holds
// what Flink said.
func Run(ctx context.Context, dir, file string) error {
	args := []string{"-Xmx1g", "--add-exports=java.base/sun.net.util=ALL-UNNAMED"}
	for _, p := range opened {
		args = append(args, "--add-opens=java.base/"+p+"=ALL-UNNAMED")
	}
	args = append(args, "-cp", filepath.Join(dir, "lib", "*"), "org.apache.flink.table.client.SqlClient", "embedded", "-f", file)
	cmd := exec.CommandContext(ctx, "java", args...)
	cmd.Env = append(os.Environ(), "FLINK_CONF_DIR="+filepath.Join(dir, "conf"))
	out, err := cmd.CombinedOutput()
	if s := string(out); err != nil || strings.Contains(s, "[ERROR]") || !strings.Contains(s, "Complete execution of the SQL update statement") {
		return fmt.Errorf("flink: %w\n%s", err, causes(s))
	}
	return nil
}

// causes are the lines of an output that say what went wrong.
func causes(out string) string {
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
