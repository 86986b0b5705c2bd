package notify

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

var alarm = Message{
	Key: "abc/fired", Kind: Alarm, Title: "ALARM: errors (service=cart)", Text: "cart: <b>7</b> errors", Rule: "errors", Group: "service=cart",
	State: "ALARM", Severity: "critical", Incident: "abc", Link: "http://127.0.0.1:1/incidents/abc",
	Start: new(time.Date(2026, 1, 9, 14, 3, 0, 0, time.UTC)),
}

// received runs a server that keeps what it is sent and answers with a status.
func received(t *testing.T, status int) (url string, bodies chan string, headers chan http.Header) {
	bodies, headers = make(chan string, 10), make(chan http.Header, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies <- string(b)
		headers <- r.Header
		w.WriteHeader(status)
		fmt.Fprint(w, "said")
	}))
	t.Cleanup(s.Close)
	return s.URL, bodies, headers
}

func send(t *testing.T, c Config, opt Options, m Message) error {
	t.Helper()
	ch, err := New(c, opt)
	if err != nil {
		t.Fatal(err)
	}
	return ch.Send(t.Context(), m)
}

func TestWebhookGetsTheMessage(t *testing.T) {
	url, bodies, headers := received(t, 202)
	if err := send(t, Config{Name: "hook", Type: "webhook", URL: url, Headers: map[string]string{"X-Key": "k"}}, Options{}, alarm); err != nil {
		t.Fatal(err)
	}
	var got Message
	if err := json.Unmarshal([]byte(<-bodies), &got); err != nil || got.Key != alarm.Key || got.Text != alarm.Text || !got.Start.Equal(*alarm.Start) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if h := <-headers; h.Get("X-Key") != "k" || h.Get("Content-Type") != "application/json" {
		t.Fatalf("headers %v", h)
	}
}

func TestSlackGetsBlocks(t *testing.T) {
	url, bodies, _ := received(t, 200)
	if err := send(t, Config{Name: "s", Type: "slack", URL: url}, Options{}, alarm); err != nil {
		t.Fatal(err)
	}
	body := <-bodies
	for _, want := range []string{`"type":"header"`, "service=cart", `"type":"plain_text"`, "/incidents/abc"} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
	if n := strings.Count(body, "mrkdwn"); n != 1 || !strings.Contains(body, `"type":"mrkdwn","text":"\u003chttp://127.0.0.1:1/incidents/abc|Open in Tidemark\u003e"`) {
		t.Errorf("markup is more than the link in %s", body)
	}
}

func TestSNSPublishes(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	bodies := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies <- string(b)
		fmt.Fprint(w, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`)
	}))
	t.Cleanup(s.Close)
	c := Config{Name: "t", Type: "sns", Topic: "arn:aws:sns:us-east-1:1:alarms", Endpoint: s.URL, Region: "us-east-1"}
	if err := send(t, c, Options{}, alarm); err != nil {
		t.Fatal(err)
	}
	if body := <-bodies; !strings.Contains(body, "Action=Publish") || !strings.Contains(body, "alarms") || !strings.Contains(body, "abc%2Ffired") {
		t.Fatalf("sent %s", body)
	}
}

// Without credentials it says what to set, and not what the SDK tried.
func TestSNSWithoutCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	c := Config{Name: "t", Type: "sns", Topic: "arn:aws:sns:us-east-1:1:alarms", Region: "us-east-1"}
	for profile, want := range map[string]string{
		"":     "notify t: no credentials were found that sign for AWS; export AWS_ACCESS_KEY_ID",
		"none": `notify t: there is no profile "none"; name one of ~/.aws/config`,
	} {
		c.Profile = profile
		err := send(t, c, Options{}, alarm)
		var known *engine.Error
		if !errors.As(err, &known) || !strings.HasPrefix(err.Error()+"; "+known.Hint, want) {
			t.Errorf("%v", err)
		}
	}
}

// mailServer takes one mail.
func mailServer(t *testing.T) (address string, mails chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	mails = make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		c := textproto.NewConn(conn)
		_ = c.PrintfLine("220 test")
		for {
			line, err := c.ReadLine()
			if err != nil {
				return
			}
			switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
			case "DATA":
				_ = c.PrintfLine("354 go on")
				body, _ := io.ReadAll(bufio.NewReader(c.DotReader()))
				mails <- string(body)
				_ = c.PrintfLine("250 taken")
			case "QUIT":
				_ = c.PrintfLine("221 bye")
				return
			default:
				_ = c.PrintfLine("250 ok")
			}
		}
	}()
	return l.Addr().String(), mails
}

func TestEmailIsTextAndHTML(t *testing.T) {
	address, mails := mailServer(t)
	if err := send(t, Config{Name: "m", Type: "email", SMTP: "smtp://" + address, To: []string{"ops@example.org"}}, Options{}, alarm); err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(<-mails, "=\n", "")
	for _, want := range []string{"Subject: ALARM: errors (service=cart)", "To: <ops@example.org>", "text/plain", "text/html", "&lt;b&gt;7&lt;/b&gt;", "@tidemark>", "http://127.0.0.1:1/incidents/abc"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the mail:\n%s", want, got)
		}
	}
}

func TestFileGetsALine(t *testing.T) {
	var b strings.Builder
	opt := Options{Append: func(string) (io.WriteCloser, error) { return nopCloser{&b}, nil }}
	for range 2 {
		if err := send(t, Config{Name: "f", Type: "file", Path: "a"}, opt, alarm); err != nil {
			t.Fatal(err)
		}
	}
	if lines := strings.Split(strings.TrimSpace(b.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[1], `"key":"abc/fired"`) {
		t.Fatalf("wrote %q", b.String())
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// TestAnswersAreJudged: what may pass is tried again, what is refused is not.
func TestAnswersAreJudged(t *testing.T) {
	for status, kind := range map[int]engine.Kind{500: engine.Unavailable, 503: engine.Unavailable, 429: engine.Unavailable, 404: engine.Invalid, 400: engine.Invalid} {
		url, _, _ := received(t, status)
		err := send(t, Config{Name: "h", Type: "webhook", URL: url + "/s3cret"}, Options{}, alarm)
		if engine.KindOf(err) != kind {
			t.Errorf("%d is %v", status, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the address is told: %v", err)
		}
	}
	if !Final(engine.Errorf(engine.Invalid, "", "x"), 1) || Final(errors.New("x"), 1) || !Final(errors.New("x"), MaxAttempts) {
		t.Error("a failure is judged wrongly")
	}
	if Backoff(1) != 2*time.Second || Backoff(3) != 8*time.Second || Backoff(100) != 30*time.Minute {
		t.Error("the backoff is not what it says")
	}
}

func TestAHangingServerIsGivenUp(t *testing.T) {
	over := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(func() { close(over); s.Close() })
	err := send(t, Config{Name: "h", Type: "webhook", URL: s.URL}, Options{Timeout: 50 * time.Millisecond}, alarm)
	if engine.KindOf(err) != engine.Unavailable || !strings.Contains(err.Error(), "it did not answer within 50ms") {
		t.Fatalf("got %v", err)
	}
}
