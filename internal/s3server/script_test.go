package s3server

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The script for people serves the folder it is given, says how to get at it
// and ends when it is told to.
func TestServeScript(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("../../tools/serve-s3.sh", dir, strings.TrimPrefix(address, "127.0.0.1:"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	ended, err := run(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "  logs:") {
			break
		}
	}
	for _, want := range []string{"export AWS_ACCESS_KEY_ID=", `logs: {type: s3, url: "s3://logs/", endpoint: "http://` + address + `", path_style: true`} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it does not say %s, but\n%s", want, said.String())
		}
	}
	for began := time.Now(); !refuses(address); time.Sleep(askAgain) {
		if time.Since(began) > readyIn {
			t.Fatal("it does not answer")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
}

// refuses reports whether a server answers and turns an unsigned request away.
func refuses(address string) bool {
	response, err := http.Get("http://" + address + "/logs")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusForbidden
}
