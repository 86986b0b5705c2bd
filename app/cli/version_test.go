package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestBuildID(t *testing.T) {
	t.Parallel()
	const junk = "\x7fELF\x02\x01\x01\x00\x00"
	for head, want := range map[string]string{
		junk + "\x04\x00\x00\x00\x07\x00\x00\x00\x04\x00\x00\x00Go\x00\x00abc/def and more": "abc/def",
		junk + "\x04\x00\x00\x00\xff\xff\xff\xff\x04\x00\x00\x00Go\x00\x00abc/def":          "",
		junk + "\x05\x00\x00\x00\x07\x00\x00\x00\x04\x00\x00\x00Go\x00\x00abc/def":          "",
		"\x04\x00\x00\x00Go\x00\x00":                               "",
		"\xcf\xfa\xed\xfe\xff Go build ID: \"abc/def\"\n \xff\x90": "abc/def",
		"\xcf\xfa\xed\xfe\xff Go build ID: \"abc/def":              "",
		"": "",
	} {
		if got := string(buildID([]byte(head))); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
}

// TestIdentifyFindsTheID: this program was built by the go command, which
// knows its ID, too.
func TestIdentifyFindsTheID(t *testing.T) {
	t.Parallel()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, err := exec.Command("go", "tool", "buildid", own).Output()
	if err != nil {
		t.Skip("there is no go command: ", err)
	}
	if got, err := programID(); err != nil || string(got) != strings.TrimSpace(string(want)) {
		t.Errorf("%q (%v), want %q", got, err, want)
	}
}

func TestProgramsWithoutAnIDAreToldApart(t *testing.T) {
	t.Parallel()
	id := func(program string) string {
		t.Helper()
		got, err := identify(strings.NewReader(program))
		if err != nil || len(got) == 0 {
			t.Errorf("%.9q: %q %v", program, got, err)
		}
		return string(got)
	}
	long := strings.Repeat("x", 3*idSize)
	if id(long+"a") == id(long+"b") || id("a") == id("b") {
		t.Error("the bytes do not count")
	}
}
