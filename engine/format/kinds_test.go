package format

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// seen stands for when the objects of these tests were last changed.
var seen = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// decoded gives what an object is found to be and every record in it, as text
// to compare.
func decoded(t testing.TB, r io.Reader, hint Hint, size int) string {
	t.Helper()
	if hint.Modified.IsZero() {
		hint.Modified = seen
	}
	s, err := Builtin().Open(r, hint)
	if err != nil {
		return fmt.Sprintf("failed: %v\n", err)
	}
	defer s.Close()
	var out strings.Builder
	fmt.Fprintf(&out, "# %s %.2f", s.Format, s.Found.Sure)
	for _, w := range s.Found.Why {
		fmt.Fprintf(&out, "; %s: %s", w.By, w.Says)
	}
	out.WriteByte('\n')
	if s.Columnar() || s.Format == Unknown || s.Format == Empty {
		return out.String()
	}
	for records := s.Records(size); ; {
		c, err := records.Next()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			fmt.Fprintf(&out, "failed: %v\n", err)
			return out.String()
		}
		for _, r := range c.Records {
			switch {
			case r.Dropped:
				fmt.Fprintf(&out, "- %s\n", c.Bytes(r))
			case r.Size > 0:
				fmt.Fprintf(&out, "! %s (%d bytes)\n", r.Problem, r.Size)
			case r.Problem != "":
				fmt.Fprintf(&out, "! %s: %q\n", r.Problem, c.Bytes(r))
			default:
				fmt.Fprintf(&out, "%s\n", c.Bytes(r))
			}
		}
	}
}

// TestKinds decodes the samples of testdata/kinds without a hint, in chunks of
// several sizes, and compares with the golden files beside them.
func TestKinds(t *testing.T) {
	files, err := filepath.Glob("testdata/kinds/*.in")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".in")
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := decoded(t, bytes.NewReader(raw), Hint{}, 1<<20)
			golden := strings.TrimSuffix(file, ".in") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Fatalf("(-want +got)\n%s", diff)
			}
			kind, _, _ := strings.Cut(name, ".")
			if !strings.HasPrefix(got, "# "+kind+" ") {
				t.Errorf("it was taken for %s", got[:strings.IndexByte(got, '\n')])
			}
			if small := decoded(t, bytes.NewReader(raw), Hint{}, 16); small != got {
				t.Errorf("small chunks give other records:\n%s", cmp.Diff(got, small))
			}
			crlf := bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
			if other := decoded(t, bytes.NewReader(append(bom, crlf...)), Hint{}, 1<<20); !strings.HasPrefix(other, "# "+kind+" ") {
				t.Errorf("with CRLF and BOM: %s", other[:strings.IndexByte(other, '\n')])
			}
		})
	}
}

// TestNamesDoNotTellBalancers gives the logs of each kind of load balancer the
// names of the others: only an application's lines begin with their type, and
// only a classic one's with their time.
func TestNamesDoNotTellBalancers(t *testing.T) {
	for kind, want := range map[string]Format{"alb": "alb", "nlb": "nlb", "elb": "elb"} {
		raw, err := os.ReadFile("testdata/kinds/" + kind + ".in")
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{
			"", "elb.log", "alb.log.gz", "AWSLogs/1/elasticloadbalancing/eu-west-1/2026/01/02/1_elasticloadbalancing_eu-west-1_shop_20260102T0005Z_10.0.0.1_a1.log",
			"AWSLogs/1/elasticloadbalancing/eu-west-1/2026/01/02/1_elasticloadbalancing_eu-west-1_app.shop.0c64_20260102T0005Z_10.0.0.1_a1.log.gz",
		} {
			s, err := Builtin().Open(bytes.NewReader(raw), Hint{Key: key, Modified: seen})
			if err != nil {
				t.Fatal(err)
			}
			if s.Format != want {
				t.Errorf("%s named %q is %s: %+v", kind, key, s.Format, s.Found)
			}
			s.Close()
		}
	}
}
