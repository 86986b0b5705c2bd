package owner

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

// The test binary plays the other processes: with roleVar set it runs one
// command against the state folder and exits.
const roleVar = "TIDEMARK_TEST_OWNER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleVar); dir != "" {
		os.Exit(play(dir, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// play is a tiny command line: whoever comes first runs commands for all.
func play(dir string, args []string) int {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	go func() { <-interrupted; stop() }()
	code := 0
	there, here, err := Enter(ctx, Options{Dir: dir, Version: "v1"}, Request{Args: args}, os.Stdout, os.Stderr, func(o *Owner) error {
		if err := o.Serve("v1", func(ctx context.Context, r Request, stdout, stderr io.Writer) int {
			return command(ctx, r.Args, stdout, stderr)
		}); err != nil {
			return err
		}
		code = command(ctx, args, os.Stdout, os.Stderr)
		drainCtx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		o.Drain(drainCtx, time.Second, func(n int) { fmt.Fprintf(os.Stderr, "waiting for %d\n", n) })
		return o.Close()
	})
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	case !here:
		return there
	}
	return code
}

// command knows: pid, exit, sleep D (says so, ends early when cancelled), spam.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	switch args[0] {
	case "pid":
		fmt.Fprintln(stdout, os.Getpid())
	case "exit":
		fmt.Fprintln(stderr, "exiting")
		return 3
	case "sleep":
		fmt.Fprintln(stdout, "sleeping", os.Getpid())
		d, _ := time.ParseDuration(args[1])
		select {
		case <-ctx.Done():
			fmt.Fprintln(stderr, "cancelled")
			return 130
		case <-time.After(d):
		}
	case "spam":
		for i := range 1000 {
			fmt.Fprintln(stdout, i, strings.Repeat("x", 1000))
		}
	}
	return 0
}

// process is another process of this test.
type process struct {
	*exec.Cmd
	out *bufio.Reader
	err *bytes.Buffer
}

func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), err: &bytes.Buffer{}}
	p.Env = append(os.Environ(), roleVar+"="+dir)
	p.Stderr = p.err
	pipe, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(pipe)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	return p
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	s, err := p.out.ReadString('\n')
	if err != nil {
		t.Fatalf("%v: no line: %v (%s)", p.Args, err, p.err)
	}
	return strings.TrimSpace(s)
}

func (p *process) exit(t *testing.T) int {
	t.Helper()
	rest, _ := io.ReadAll(p.out)
	_ = rest
	var e *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &e) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// holder starts an owner that is busy for d.
func holder(t *testing.T, dir string, d time.Duration) *process {
	t.Helper()
	p := start(t, dir, "sleep", d.String())
	if want, got := fmt.Sprint("sleeping ", p.Process.Pid), p.line(t); got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	return p
}

func TestCommandsRunWhereTheWorkspaceIsOpen(t *testing.T) {
	dir := t.TempDir()
	owner := holder(t, dir, time.Minute)
	other := start(t, dir, "pid")
	if got, want := other.line(t), fmt.Sprint(owner.Process.Pid); got != want {
		t.Errorf("ran in process %s, want %s", got, want)
	}
	failing := start(t, dir, "exit")
	if code := failing.exit(t); code != 3 || failing.err.String() != "exiting\n" {
		t.Errorf("code %d, stderr %q", code, failing.err)
	}
	info, err := os.Stat(infoPath(dir))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

func TestAKilledOwnerIsReplaced(t *testing.T) {
	dir := t.TempDir()
	owner := holder(t, dir, time.Minute)
	follower := start(t, dir, "sleep", "1m")
	if got, want := follower.line(t), fmt.Sprint("sleeping ", owner.Process.Pid); got != want {
		t.Fatalf("%q, want %q", got, want)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if code := follower.exit(t); code != 1 || !strings.Contains(follower.err.String(), "ended") {
		t.Errorf("code %d, stderr %q", code, follower.err)
	}
	if _, err := os.Stat(infoPath(dir)); err != nil {
		t.Fatalf("the killed owner should have left its file: %v", err)
	}
	next := start(t, dir, "pid")
	if got, want := next.line(t), fmt.Sprint(next.Process.Pid); got != want {
		t.Errorf("ran in process %s, want %s", got, want)
	}
	if code := next.exit(t); code != 0 {
		t.Error(code)
	}
	if _, err := os.Stat(infoPath(dir)); !os.IsNotExist(err) {
		t.Errorf("owner.json is still there: %v", err)
	}
}

func TestInterruptReachesTheCommand(t *testing.T) {
	dir := t.TempDir()
	owner := holder(t, dir, time.Minute)
	follower := start(t, dir, "sleep", "1m")
	follower.line(t)
	if err := follower.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := follower.exit(t); code != 130 || follower.err.String() != "cancelled\n" {
		t.Errorf("code %d, stderr %q", code, follower.err)
	}
	if got, want := start(t, dir, "pid").line(t), fmt.Sprint(owner.Process.Pid); got != want {
		t.Errorf("the owner did not survive: %s, want %s", got, want)
	}
}

func TestAVanishedFollowerCancelsItsCommand(t *testing.T) {
	dir := t.TempDir()
	owner := holder(t, dir, 400*time.Millisecond)
	follower := start(t, dir, "sleep", "24h")
	follower.line(t)
	if err := follower.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if code := owner.exit(t); code != 0 { // an owner that waited for nobody would not come back
		t.Errorf("code %d", code)
	}
}

func TestTheOwnerWaitsForOthers(t *testing.T) {
	dir := t.TempDir()
	owner := holder(t, dir, 300*time.Millisecond)
	follower := start(t, dir, "sleep", "1s")
	follower.line(t)
	if code := follower.exit(t); code != 0 {
		t.Errorf("code %d, stderr %q", code, follower.err)
	}
	if code := owner.exit(t); code != 0 || !strings.Contains(owner.err.String(), "waiting for 1") {
		t.Errorf("code %d, stderr %q", code, owner.err)
	}
}

// TestManyProcesses starts them all at once, over and over: somebody owns the
// workspace at any time, owners come and go, and every command is done once.
func TestManyProcesses(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 8 {
				cmd := exec.Command(os.Args[0], "spam")
				cmd.Env = append(os.Environ(), roleVar+"="+dir)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				if n := bytes.Count(out, []byte("\n")); err != nil || n != 1000 {
					t.Errorf("%d lines, %v: %s", n, err, &stderr)
				}
			}
		})
	}
	wg.Wait()
}

func TestAnotherVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	holder(t, dir, time.Minute)
	_, _, err := Enter(t.Context(), Options{Dir: dir, Version: "v2"}, Request{Args: []string{"pid"}}, io.Discard, io.Discard, nil)
	if engine.KindOf(err) != engine.Conflict || !strings.Contains(err.Error(), "v1") || !strings.Contains(err.Error(), "v2") {
		t.Error(err)
	}
}

func TestAHolderThatDoesNotAnswer(t *testing.T) {
	for name, leave := range map[string]func(dir string) error{
		"no file":        func(string) error { return nil },
		"damaged file":   func(dir string) error { return os.WriteFile(infoPath(dir), []byte("{"), 0o600) },
		"refused":        write(`{"url":"http://127.0.0.1:1","token":"t","pid":1,"version":"v1"}`),
		"elsewhere":      write(`{"url":"http://example.org:80","token":"t","pid":1,"version":"v1"}`),
		"elsewhere, too": write(`{"url":"http://127.0.0.1@example.org:80","token":"t","pid":1,"version":"v1"}`),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o, err := acquire(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			if err := leave(dir); err != nil {
				t.Fatal(err)
			}
			_, _, err = Enter(t.Context(), Options{Dir: dir, Version: "v1", Patience: 100 * time.Millisecond}, Request{}, io.Discard, io.Discard, nil)
			if engine.KindOf(err) != engine.Conflict {
				t.Error(err)
			}
			if held, err := Held(dir); !held || err != nil {
				t.Error(held, err)
			}
		})
	}
}

func write(content string) func(string) error {
	return func(dir string) error { return os.WriteFile(infoPath(dir), []byte(content), 0o600) }
}

func TestAClosingOwnerIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	first, err := acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Serve("v1", nil); err != nil {
		t.Fatal(err)
	}
	first.Drain(t.Context(), 0, nil)
	told := make(chan bool, 1)
	go func() {
		<-told
		_ = first.Close()
	}()
	owned := false
	o := Options{Dir: dir, Version: "v1", Patience: time.Second, Waiting: func() { told <- true }}
	_, here, err := Enter(t.Context(), o, Request{}, io.Discard, io.Discard, func(o *Owner) error {
		owned = true
		return o.Close()
	})
	if err != nil || !here || !owned {
		t.Error(here, owned, err)
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	dir := t.TempDir()
	o, err := acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := o.Serve("v1", func(context.Context, Request, io.Writer, io.Writer) int { t.Error("ran"); return 0 }); err != nil {
		t.Fatal(err)
	}
	info, err := ReadInfo(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"no token":    {func(r *http.Request) { r.Header.Del("Authorization") }, http.StatusUnauthorized},
		"wrong token": {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, http.StatusUnauthorized},
		"other host":  {func(r *http.Request) { r.Host = "example.org" }, http.StatusMisdirectedRequest},
		"browser":     {func(r *http.Request) { r.Header.Set("Origin", "http://example.org") }, http.StatusForbidden},
		"no command":  {func(*http.Request) {}, http.StatusBadRequest},
		"wrong verb":  {func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
	} {
		req, err := http.NewRequest(http.MethodPost, info.URL+"/run", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+info.Token)
		tt.change(req)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, tt.want)
		}
	}
}

func TestHeldIsQuietWhereNobodyWas(t *testing.T) {
	dir := t.TempDir()
	if held, err := Held(dir); held || err != nil {
		t.Error(held, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
		t.Errorf("created %v", left)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x02hi\x03\x00\x00\x00\x04\x00\x00\x00\x07"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		if _, err := copyFrames(bytes.NewReader(data), &out, &out); err == nil && len(data) < 9 {
			t.Error("an exit code out of nothing")
		}
		if out.Len() > len(data) {
			t.Error("more came out than went in")
		}
	})
}
