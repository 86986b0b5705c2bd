// Package s3server runs a real S3 server, versitygw, on this machine for tests
// and benchmarks.
//
// It owns finding the program, starting it and making sure that it ends. It is
// no part of the product; tools/serve-s3.sh does the same for people.
package s3server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// How long a server may take to answer first, and how often it is asked.
const (
	readyIn  = 20 * time.Second
	askAgain = 20 * time.Millisecond
)

// Server is a running server. Each folder directly below Dir is a bucket, and
// the files in it are its objects; those that were not written through the
// server have no ETag.
type Server struct {
	Endpoint  string
	Region    string
	AccessKey string
	SecretKey string
	Dir       string

	stop func()
}

// ForTest runs a server until the test ends.
func ForTest(t testing.TB, dir string) *Server {
	t.Helper()
	s, err := Start(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Start runs a server over a folder, on a free port of the loopback interface,
// and returns when it answers. It runs until Stop, or until this process ends.
func Start(ctx context.Context, dir string) (*Server, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	var last error
	for range 3 { // somebody else may take the port between finding and using it
		s, err := start(ctx, program, dir)
		if err == nil {
			return s, nil
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, last
}

// Stop ends the server and waits for it.
func (s *Server) Stop() { s.stop() }

// find looks for the program in .tools/bin of the repository around the
// working directory.
func find() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		program := filepath.Join(dir, ".tools", "bin", "versitygw")
		if _, err := os.Stat(program); err == nil {
			return program, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the S3 server for tests is not built: run tools/install.sh versitygw")
		}
		dir = filepath.Dir(dir)
	}
}

func start(ctx context.Context, program, dir string) (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	meta, err := os.MkdirTemp("", "s3server")
	if err != nil {
		return nil, err
	}
	s := &Server{
		Endpoint:  "http://" + address,
		Region:    "us-east-1",
		AccessKey: "tidemark-test",
		SecretKey: rand.Text(),
		Dir:       dir,
	}
	// Only the server that was started here knows this path.
	health := "/" + rand.Text()
	var log logTail
	cmd := exec.Command(program, "--port", address, "--region", s.Region, "--health", health,
		"--keep-alive", "--quiet", "posix", "--sidecar", meta, dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
	cmd.Stdout, cmd.Stderr = &log, &log
	ended, err := run(cmd)
	if err != nil {
		os.RemoveAll(meta)
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	s.stop = func() {
		_ = cmd.Process.Kill() // it fails only if the process has ended
		<-ended
		os.RemoveAll(meta)
	}
	if err := ready(ctx, s.Endpoint+health, ended); err != nil {
		s.stop()
		return nil, fmt.Errorf("start %s: %w\n%s", program, err, log.String())
	}
	return s, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// ready waits until the server answers.
func ready(ctx context.Context, url string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, readyIn)
	defer cancel()
	for {
		if answers(ctx, url) {
			return nil
		}
		select {
		case <-ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-time.After(askAgain):
		}
	}
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}
