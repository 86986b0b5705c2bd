package format

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
)

// words is a decoder of somebody's own: a record a word.
type words struct{ ends error }

func (w words) Decode(ctx context.Context, r io.Reader, emit func(Emitted) error) error {
	scan := bufio.NewScanner(r)
	scan.Split(bufio.ScanWords)
	for scan.Scan() {
		var err error
		switch word := scan.Text(); word {
		case "bad":
			err = emit(Emitted{Problem: "a bad word", Raw: []byte(word)})
		case "skip":
			err = emit(Emitted{Dropped: true, Raw: []byte(word)})
		default:
			err = emit(Emitted{JSON: fmt.Appendf(nil, `{%q:%q}`, engine.Derived("message"), word)})
		}
		if err != nil {
			return err
		}
	}
	return w.ends
}

func TestDecoderOfOnesOwn(t *testing.T) {
	table := Builtin()
	if err := table.Register("words", words{}); err != nil {
		t.Fatal(err)
	}
	for _, taken := range []string{"words", "alb", "json", "auto", ""} {
		if err := table.Register(taken, words{}); engine.KindOf(err) != engine.Conflict {
			t.Errorf("%q can be registered: %v", taken, err)
		}
	}
	if err := table.Check("wrods"); err == nil || !strings.Contains(fmt.Sprintf("%+v", engine.Errorf(engine.Invalid, "", "%w", err)), "wrods") {
		t.Errorf("a wrong name: %v", err)
	}
	s, err := table.Open(strings.NewReader("one bad skip two"), Hint{Want: "words"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got []string
	for records := s.Records(1); ; {
		c, err := records.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range c.Records {
			got = append(got, fmt.Sprintf("%s %s %t", c.Bytes(r), r.Problem, r.Dropped))
		}
	}
	want := `[{"tm:message":"one"}  false bad a bad word false skip  true {"tm:message":"two"}  false]`
	if fmt.Sprint(got) != want {
		t.Fatalf("got %s\nwant %s", got, want)
	}
}

// TestDecoderEnds closes a stream in the middle, and one whose decoder fails.
func TestDecoderEnds(t *testing.T) {
	table := Builtin()
	if err := table.Register("words", words{errors.New("no more of that")}); err != nil {
		t.Fatal(err)
	}
	s, err := table.Open(strings.NewReader(strings.Repeat("word ", 100_000)), Hint{Want: "words"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Records(1).Next(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s, err = table.Open(strings.NewReader("a"), Hint{Want: "words"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	records := s.Records(1 << 20)
	if _, err := records.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := records.Next(); engine.KindOf(err) != engine.Invalid || !strings.Contains(err.Error(), "no more of that") {
		t.Fatal(err)
	}
}

// TestPrivateMessages sees that a message does not say what a policy may take
// out of another field.
func TestPrivateMessages(t *testing.T) {
	line := `192.0.2.1 - - [02/Jan/2026:03:04:05 +0000] "GET /secret HTTP/1.1" 200 1` + "\n"
	for _, object := range []string{line, `{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[{"id":"1","timestamp":1767323045000,"message":"{\"msg\":\"secret\"}"}]}`} {
		for _, private := range []bool{false, true} {
			got := decoded(t, strings.NewReader(object), Hint{Private: private}, 1<<20)
			if strings.Contains(got, "tm:message") == private {
				t.Errorf("private %t: %s", private, got)
			}
		}
	}
}

func TestPartitions(t *testing.T) {
	for _, c := range []struct{ key, want string }{
		{"a/dt=2026-01-02/hour=03/x", "[{dt 2026-01-02} {hour 03}]"},
		{"a/2026/01/02/03/x.gz", "[{dt 2026-01-02} {hour 03}]"},
		{"a/2026/1/2/x.gz", "[{dt 2026-01-02}]"},
		{"p/AWSLogs/o-abc123/123456789012/CloudTrail/eu-west-1/2026/01/02/x", "[{org o-abc123} {account 123456789012} {aws_service CloudTrail} {region eu-west-1} {dt 2026-01-02}]"},
		{"AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/year=2026/x", "[{aws-account-id 123456789012} {aws-service vpcflowlogs} {year 2026}]"},
		{"a=%3Ab/c=__HIVE_DEFAULT_PARTITION__/d=/a=2/x", "[{a :b}]"},
		{"s3://bucket/k=v/x", "[{k v}]"},
		{"plain/2026/x", "[]"},
		{"k=v", "[]"},
		{"", "[]"},
	} {
		if got := fmt.Sprint(Partitions(c.key)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.key, got, c.want)
		}
	}
}
