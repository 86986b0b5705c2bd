package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/s3server"
)

// alone keeps what this machine knows of AWS out of a test.
func alone(t testing.TB) {
	t.Helper()
	for _, name := range []string{"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// bucket runs a server with the bucket logs, and makes the environment hold
// the credentials for it.
func bucket(t testing.TB) (*s3server.Server, string) {
	t.Helper()
	dir := t.TempDir()
	logs := filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	alone(t)
	server := s3server.ForTest(t, dir)
	t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
	return server, logs
}

// quick repeats without losing time.
var quick = Retry{Attempts: 4, Base: time.Millisecond, Max: 5 * time.Millisecond}

// source makes a source of the server; change may alter its configuration.
func source(t testing.TB, endpoint, at string, change ...func(*Config)) *Source {
	t.Helper()
	c := Config{Name: "archive", URL: at, Endpoint: endpoint, PathStyle: true, Retry: quick}
	for _, f := range change {
		f(&c)
	}
	s, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put writes objects through the server, which gives them ETags.
func put(t testing.TB, s *Source, objects map[string]string) {
	t.Helper()
	for key, text := range objects {
		_, err := s.client.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: &s.bucket, Key: aws.String(key), Body: strings.NewReader(text)})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// drop writes objects behind the server's back, which leaves them without.
func drop(t testing.TB, dir string, objects map[string]string) {
	t.Helper()
	for key, text := range objects {
		at := filepath.Join(dir, filepath.FromSlash(key))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

func list(t testing.TB, s *Source) []engine.Object {
	t.Helper()
	var found []engine.Object
	if err := s.List(t.Context(), func(o engine.Object) bool { found = append(found, o); return true }); err != nil {
		t.Fatal(err)
	}
	return found
}

func keys(found []engine.Object) string {
	var keys []string
	for _, o := range found {
		keys = append(keys, o.Key)
	}
	return strings.Join(keys, " ")
}

func read(t testing.TB, s *Source, o engine.Object) (string, error) {
	r, err := s.Open(t.Context(), o)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	return string(text), err
}

// letters are n bytes that differ from place to place.
func letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i*i%23 + i%3)
	}
	return string(b)
}

// fault is what goes wrong with one request; the zero fault is nothing.
type fault struct {
	status int    // answer with this status and
	code   string // this code of S3, or
	body   string // this text;
	header http.Header
	cut    int64         // else break off after so many bytes of the body, or
	stall  int64         // stand still after so many; and
	before time.Duration // whatever happens, first wait
}

// proxy stands before a server and makes the faults of a script happen, one a
// request to read or list.
type proxy struct {
	*httptest.Server
	mu     sync.Mutex
	script []fault
	// Range and If-Match of each request for an object
	ranges, matches []string
}

// through starts a proxy.
func through(t testing.TB, to *s3server.Server, script ...fault) *proxy {
	t.Helper()
	target, err := url.Parse(to.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{script: script}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }, // the host is signed
		ModifyResponse: func(r *http.Response) error {
			if f, ok := r.Request.Context().Value(faultKey{}).(fault); ok {
				r.Body = &faulty{ReadCloser: r.Body, fault: f, ended: r.Request.Context().Done()}
			}
			return nil
		},
		FlushInterval: -1,
		ErrorLog:      quiet,
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := p.next(r)
		time.Sleep(f.before)
		if f.status == 0 {
			forward.ServeHTTP(w, r.WithContext(withFault(r.Context(), f)))
			return
		}
		for name, values := range f.header {
			w.Header()[name] = values
		}
		w.WriteHeader(f.status)
		if f.code != "" {
			f.body = fmt.Sprintf("<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>", f.code, f.body)
		}
		io.WriteString(w, f.body)
	}))
	p.Config.ErrorLog = quiet
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) next(r *http.Request) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Method == http.MethodGet && !r.URL.Query().Has("list-type") {
		p.ranges = append(p.ranges, r.Header.Get("Range"))
		p.matches = append(p.matches, r.Header.Get("If-Match"))
	} else if r.Method != http.MethodGet {
		return fault{}
	}
	if len(p.script) == 0 {
		return fault{}
	}
	f := p.script[0]
	p.script = p.script[1:]
	return f
}

// then sets the faults to come, and forgets the requests that were.
func (p *proxy) then(script ...fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script, p.ranges, p.matches = script, nil, nil
}

// faulty is a body that breaks off or stands still.
type faulty struct {
	io.ReadCloser
	fault
	ended <-chan struct{}
	at    int64
}

func (b *faulty) Read(p []byte) (int, error) {
	limit := max(b.cut, b.stall)
	if limit > 0 {
		if b.at >= limit {
			if b.stall > 0 {
				<-b.ended
			}
			return 0, errors.New("broken off")
		}
		p = p[:min(int64(len(p)), limit-b.at)]
	}
	n, err := b.ReadCloser.Read(p)
	b.at += int64(n)
	return n, err
}

type faultKey struct{}

func withFault(ctx context.Context, f fault) context.Context {
	return context.WithValue(ctx, faultKey{}, f)
}

// quiet keeps what was broken on purpose out of the output of tests.
var quiet = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
