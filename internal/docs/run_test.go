package docs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workspace"
)

// root is the repository, seen from here.
const root = "../.."

// commandLimit is how long one command may take before it counts as hanging.
const commandLimit = 5 * time.Minute

// documents lists the Markdown that people read: at the root and in docs/.
func documents(t *testing.T) map[string]*Document {
	t.Helper()
	out := map[string]*Document{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			rel, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			if out[rel], err = Parse(src); err != nil {
				t.Fatalf("%s: %v", rel, err)
			}
		}
	}
	if out["README.md"] == nil {
		t.Fatalf("there is no README.md at %s", root)
	}
	return out
}

// TestLinks follows every link that stays in the repository.
func TestLinks(t *testing.T) {
	t.Parallel()
	docs := documents(t)
	for name, d := range docs {
		for _, l := range d.Links {
			file, heading, _ := strings.Cut(l.Target, "#")
			target := name
			if file != "" {
				target = filepath.Join(filepath.Dir(name), filepath.FromSlash(file))
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s:%d: links to %s, which is not there", name, l.Line, l.Target)
				continue
			}
			if other := docs[target]; heading != "" && (other == nil || !other.Headings[heading]) {
				t.Errorf("%s:%d: links to %s, which has no such heading", name, l.Line, l.Target)
			}
		}
	}
}

// TestCommands types what the documents tell people to type. Each document
// begins in an empty folder with bin/tidemark in it.
func TestCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the documented commands are not run; they make and pull the whole sample week")
	}
	t.Parallel()
	program := build(t)
	for name, d := range documents(t) {
		for _, reason := range d.NotRun {
			t.Logf("%s: not run: %s", name, reason)
		}
		if len(d.Commands) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			r := newReader(t, program)
			for _, c := range d.Commands {
				if err := r.follow(c); err != nil {
					t.Fatalf("%s:%d: %v", name, c.Line, err)
				}
			}
		})
	}
}

// build makes the program as the documents have it: bin/tidemark.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tidemark")
	cmd := exec.Command("go", "build", "-o", program, ".")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return program
}

// reader is somebody who types what a document says.
type reader struct {
	t         *testing.T
	cwd, home string
}

func newReader(t *testing.T, program string) *reader {
	t.Helper()
	r := &reader{t: t, cwd: t.TempDir(), home: t.TempDir()}
	if err := os.Mkdir(filepath.Join(r.cwd, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(r.cwd, "bin", "tidemark")); err != nil {
		t.Fatal(err)
	}
	return r
}

// follow runs a command in the folder that the one before ended in.
func (r *reader) follow(c Command) error {
	where := filepath.Join(r.home, "cwd")
	script := c.Text + "\ncode=$?\npwd > \"$0\"\nexit $code\n"
	cmd := exec.CommandContext(r.t.Context(), "bash", "-c", script, where)
	cmd.Dir, cmd.WaitDelay = r.cwd, 5*time.Second
	cmd.Env = append(environment(), "HOME="+r.home, workspace.ConfigDirVar+"="+filepath.Join(r.home, "config"), "TZ=UTC", "LC_ALL=C.UTF-8")
	timer := time.AfterFunc(commandLimit, func() { _ = cmd.Process.Kill() })
	out, err := cmd.CombinedOutput()
	timer.Stop()
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		return err
	}
	if code != c.Exit {
		return fmt.Errorf("%s\nexit code %d, want %d\n%s", c.Text, code, c.Exit, out)
	}
	if printed := strings.Split(string(out), "\n"); c.Compare && !Matches(c.Shown, printed) {
		return fmt.Errorf("$ %s\nthe document shows:\n%s\nit printed:\n%s", c.Text, strings.Join(c.Shown, "\n"), out)
	}
	now, err := os.ReadFile(where)
	if err != nil {
		return err
	}
	r.cwd = strings.TrimSpace(string(now))
	return nil
}

// environment is the test's own without what would change an answer.
func environment() []string {
	var out []string
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "TIDEMARK_") {
			out = append(out, v)
		}
	}
	return out
}
