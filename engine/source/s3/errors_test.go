package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
)

// expect asserts the words of a failure, and that no secret is among them.
func expect(t *testing.T, name string, err error, kind engine.Kind, message, hint string) {
	t.Helper()
	var e *engine.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %v", name, err)
		return
	}
	if e.Kind != kind || !strings.Contains(e.Error(), message) || !strings.Contains(e.Hint, hint) {
		t.Errorf("%s: %s: %v\n  hint: %s", name, e.Kind, e, e.Hint)
	}
	for _, secret := range []string{os.Getenv("AWS_SECRET_ACCESS_KEY"), "Signature="} {
		if secret != "" && strings.Contains(e.Error()+e.Hint, secret) {
			t.Errorf("%s: shows a secret: %v", name, e)
		}
	}
}

func reach(t *testing.T, s *Source) error {
	_, err := s.Test(t.Context(), 1)
	return err
}

func TestServerSaysNo(t *testing.T) {
	server, dir := bucket(t)
	drop(t, dir, map[string]string{"a": "x"})
	expect(t, "bucket", reach(t, source(t, server.Endpoint, "s3://logz")), engine.NotFound, "list s3://logz/: there is no bucket logz", "correct the url")
	expect(t, "region", reach(t, source(t, server.Endpoint, "s3://logs", func(c *Config) { c.Region = "eu-west-1" })),
		engine.Invalid, "not in the region eu-west-1", "set region: us-east-1")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
	expect(t, "secret", reach(t, source(t, server.Endpoint, "s3://logs")), engine.Unavailable, "the credentials are not accepted (SignatureDoesNotMatch)", "AWS_SECRET_ACCESS_KEY")
	t.Setenv("AWS_ACCESS_KEY_ID", "nobody")
	expect(t, "key", reach(t, source(t, server.Endpoint, "s3://logs")), engine.Unavailable, "the credentials are not accepted", "AWS_ACCESS_KEY_ID")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	expect(t, "none", reach(t, source(t, server.Endpoint, "s3://logs")), engine.Unavailable, "no AWS credentials were found", "set profile")
}

func TestScriptedAnswers(t *testing.T) {
	server, _ := bucket(t)
	p := through(t, server)
	s := source(t, p.URL, "s3://logs")
	date := "Sat, 21 Nov 2026 07:00:00 GMT"
	for _, c := range []struct {
		fault         fault
		kind          engine.Kind
		message, hint string
	}{
		{fault{status: 403, code: "AccessDenied", body: "no"}, engine.Unavailable, "access denied", "s3:ListBucket"},
		{fault{status: 400, code: "ExpiredToken"}, engine.Unavailable, "the credentials have expired", "sign in"},
		{fault{status: 403, code: "RequestTimeTooSkewed", header: http.Header{"Date": {date}}}, engine.Unavailable, "clock", date},
		{fault{status: 301, code: "PermanentRedirect", header: http.Header{"X-Amz-Bucket-Region": {"eu-west-1"}}}, engine.Invalid, "not in the region us-east-1", "set region: eu-west-1"},
		{fault{status: 400, code: "AuthorizationHeaderMalformed", body: "the region 'us-east-1' is wrong; expecting 'eu-north-1'"}, engine.Invalid, "not in the region", "set region: eu-north-1"},
		{fault{status: 301, code: "PermanentRedirect"}, engine.Invalid, "not in the region us-east-1", "set region to where"},
		{fault{status: 503, code: "SlowDown"}, engine.Unavailable, "overloaded (SlowDown)", "later"},
		{fault{status: 500, code: "InternalError"}, engine.Unavailable, "the server failed (InternalError)", "later"},
		{fault{status: 403, code: "InvalidObjectState"}, engine.Unavailable, "cold storage", "restore"},
		{fault{status: 400, code: "Peculiar", body: "it is a teapot"}, engine.Unavailable, "the server answered Peculiar: it is a teapot", ""},
		{fault{status: 200, body: "<html>hello</html>"}, engine.Unavailable, "does not answer as an S3 server does", "check endpoint"},
		{fault{status: 404, body: "<html>nothing here"}, engine.Unavailable, "does not answer as an S3 server does", "check endpoint"},
		{fault{status: 502, body: "bad gateway"}, engine.Unavailable, "the server failed (BadGateway)", "later"},
		{fault{status: 403, body: ""}, engine.Unavailable, "access denied", "s3:ListBucket"},
	} {
		p.then(slices.Repeat([]fault{c.fault}, 10)...)
		expect(t, c.fault.code+c.fault.body, reach(t, s), c.kind, c.message, c.hint)
	}
}

// TestListingThatNeverEnds names its second page as the one after it.
func TestListingThatNeverEnds(t *testing.T) {
	server, _ := bucket(t)
	p := through(t, server)
	const page = `<ListBucketResult><Name>logs</Name><IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken><Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>`
	var faults []fault
	for _, next := range []string{"second", "third", "second"} {
		faults = append(faults, fault{status: 200, body: fmt.Sprintf(page, next)})
	}
	p.then(faults...)
	err := source(t, p.URL, "s3://logs").List(t.Context(), func(engine.Object) bool { return true })
	expect(t, "round", err, engine.Unavailable, "goes round in circles", "check endpoint")
}

func TestUnreachable(t *testing.T) {
	alone(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	expect(t, "refused", reach(t, source(t, "http://"+address, "s3://logs")), engine.Unavailable, address+" refuses connections", "start the server, or correct endpoint")
	expect(t, "unknown", reach(t, source(t, "http://nowhere.invalid", "s3://logs")), engine.Unavailable, "there is no server called nowhere.invalid", "check the network")
	expect(t, "virtual", reach(t, source(t, "http://nowhere.invalid", "s3://logs", func(c *Config) { c.PathStyle = false })), engine.Unavailable, "logs.nowhere.invalid", "path_style: true")

	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	expect(t, "no tls", reach(t, source(t, strings.Replace(plain.URL, "http:", "https:", 1), "s3://logs")), engine.Unavailable, "does not speak TLS", "write http://")
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	defer secure.Close()
	expect(t, "untrusted", reach(t, source(t, secure.URL, "s3://logs")), engine.Unavailable, "is not trusted", "AWS_CA_BUNDLE")
	expect(t, "tls", reach(t, source(t, strings.Replace(secure.URL, "https:", "http:", 1), "s3://logs")), engine.Unavailable, "does not answer as an S3 server", "check endpoint")

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	expect(t, "hang up", reach(t, source(t, "http://"+silent.Addr().String(), "s3://logs")), engine.Unavailable, "breaks connections off", "check endpoint")
}

func TestTimeout(t *testing.T) {
	alone(t)
	s := source(t, "http://127.0.0.1:1", "s3://logs")
	d := s.diagnose(&net.OpError{Op: "dial", Err: context.DeadlineExceeded})
	if d.kind != engine.Unavailable || !strings.Contains(d.text, "does not answer in time") {
		t.Errorf("%+v", d)
	}
}

func TestProfile(t *testing.T) {
	server, dir := bucket(t)
	drop(t, dir, map[string]string{"a": "x"})
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[lab]\naws_access_key_id = " + server.AccessKey + "\naws_secret_access_key = " + server.SecretKey + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	s := source(t, server.Endpoint, "s3://logs", func(c *Config) { c.Profile = "lab" })
	if err := reach(t, s); err != nil {
		t.Error(err)
	}
	_, err := New(t.Context(), Config{URL: "s3://logs", Profile: "lap"})
	expect(t, "profile", err, engine.Invalid, `there is no profile "lap"`, "aws configure")
}
