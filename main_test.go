package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tidemark.dev/tidemark/app/cli"
	"tidemark.dev/tidemark/internal/s3server"
	"tidemark.dev/tidemark/internal/scripttest"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tidemark": func() { os.Exit(cli.Main()) }})
}

// TestScripts runs testdata/script with the whole program: what a user types,
// on real archives, a real S3 server and a real database.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TIDEMARK_CONFIG_DIR", filepath.Join(e.WorkDir, ".config"))
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, ".cache"))
			for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
				e.Setenv(name, os.DevNull)
			}
			e.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   scripttest.Exits,
			"request": cmdRequest,
			"s3serve": cmdS3Serve,
		},
	})
}

// cmdRequest asks a server for something and prints the status and the body.
// The file holds what serve --json prints, and is waited for; with ! the
// token is left out.
//
//	request FILE METHOD PATH [BODY]
func cmdRequest(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: [!] request FILE METHOD PATH [BODY]")
	}
	var served struct{ URL, Token string }
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && json.Unmarshal(text, &served) == nil {
			break
		}
	}
	base, _, ok := strings.Cut(served.URL, "/#k="+served.Token)
	if !ok || served.Token == "" {
		ts.Fatalf("%s holds no address", args[0])
	}
	r, err := http.NewRequestWithContext(context.Background(), args[1], base+args[2], strings.NewReader(strings.Join(args[3:], "")))
	ts.Check(err)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	if !neg {
		r.Header.Set("Authorization", "Bearer "+served.Token)
	}
	resp, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = fmt.Fprintf(ts.Stdout(), "%d %s\n", resp.StatusCode, body)
	ts.Check(err)
}

// cmdS3Serve serves a folder as an S3 server until the script ends; each
// folder below it is a bucket. It sets $S3 to the endpoint, and credentials.
//
//	s3serve DIR
func cmdS3Serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: s3serve DIR")
	}
	s, err := s3server.Start(context.Background(), ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(s.Stop)
	ts.Setenv("S3", s.Endpoint)
	ts.Setenv("AWS_ACCESS_KEY_ID", s.AccessKey)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", s.SecretKey)
}
