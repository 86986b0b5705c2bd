package s3

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

// stsDesk answers AssumeRole: one role has the keys of a server, others are denied.
func stsDesk(t *testing.T, role, key, secret string) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	escape := func(text string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(text))
		return b.String()
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_ = r.ParseForm()
		w.Header().Set("Content-Type", "text/xml")
		if r.Form.Get("Action") != "AssumeRole" || r.Form.Get("RoleArn") != role || !strings.Contains(r.Header.Get("Authorization"), "Credential=own/") {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>`)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
			<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken></SessionToken><Expiration>%s</Expiration>
			</Credentials></AssumeRoleResult></AssumeRoleResponse>`, escape(key), escape(secret), time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	return server, &asked
}

func TestAssumeRole(t *testing.T) {
	server, dir := bucket(t)
	drop(t, dir, map[string]string{"a": "x", "b": "y"})
	const role = "arn:aws:iam::123456789012:role/logs-reader"
	desk, asked := stsDesk(t, role, server.AccessKey, server.SecretKey)
	t.Setenv("AWS_ENDPOINT_URL_STS", desk.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "own")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "own-secret")

	plain := source(t, server.Endpoint, "s3://logs")
	expect(t, "without the role", reach(t, plain), engine.Unavailable, "the credentials are not accepted", "profile")
	s := source(t, server.Endpoint, "s3://logs", func(c *Config) { c.RoleARN = role })
	if asked.Load() != 0 {
		t.Error("STS was asked before anything was needed")
	}
	if err := reach(t, s); err != nil {
		t.Fatal(err)
	}
	if err := reach(t, s); err != nil || asked.Load() != 1 {
		t.Errorf("asked STS %d times, %v", asked.Load(), err)
	}
	other := source(t, server.Endpoint, "s3://logs", func(c *Config) { c.RoleARN = "arn:aws:iam::123456789012:role/other" })
	expect(t, "denied", reach(t, other), engine.Unavailable, "role/other cannot be assumed: STS answers AccessDenied", "sts:AssumeRole")
	desk.Close()
	gone := source(t, server.Endpoint, "s3://logs", func(c *Config) { c.RoleARN = role })
	expect(t, "gone", reach(t, gone), engine.Unavailable, "cannot be assumed: STS cannot be reached", "role_arn")
}
