package server

import (
	"os"
	"path/filepath"
	"testing"

	"tidemark.dev/tidemark/app/tester"
	"tidemark.dev/tidemark/app/workspace"
)

func TestRunTests(t *testing.T) {
	s := openSmall(t)
	root := s.bench.Workspace.Root
	if err := os.MkdirAll(filepath.Join(root, "tests"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"good": "1", "bad": "2"} {
		src := "tests:\n  - name: " + name + "\n    window: {tumbling: 1m}\n    measures: {n: count()}\n    steps:\n      - {events: [{t: 1}]}\n      - {watermark: max}\n      - {expect_panes: [{values: {n: " + want + "}}]}\n"
		if err := os.WriteFile(filepath.Join(root, "tests", name+".yaml"), []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w, err := workspace.Load(root, workspace.Options{Trusted: true})
	if err != nil {
		t.Fatal(err)
	}
	s.bench.Reload(w, false)
	if r := answered[tester.Report](s, "POST", "/tests/run", object{}); r.Passed != 1 || r.Failed != 1 || r.Tests[0].Failures[0].Line != 8 {
		t.Errorf("%+v", r)
	}
	if r := answered[tester.Report](s, "POST", "/tests/run", object{"files": []string{"tests/good.yaml"}}); r.Passed != 1 || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
	if status := s.call("POST", "/tests/run", object{"files": []string{"../../etc/passwd"}}, &object{}); status != 404 {
		t.Errorf("a file of somebody else: %d", status)
	}
}
