package s3server

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// starter names the folder to serve to a copy of this test that is to be
// killed.
const starter = "S3SERVER_TEST_DIR"

// A process that is killed takes its server with it.
func TestEndsWithItsParent(t *testing.T) {
	if dir := os.Getenv(starter); dir != "" {
		s, err := Start(context.Background(), dir)
		fmt.Println(s.Endpoint, err)
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestEndsWithItsParent$")
	cmd.Env = append(os.Environ(), starter+"="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	endpoint, said, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || said != "<nil>" {
		t.Fatal(line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(askAgain) {
		response, err := http.Get(endpoint)
		if err != nil {
			return
		}
		response.Body.Close()
	}
	t.Error("the server still answers")
}
