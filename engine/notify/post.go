package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// post sends JSON and wants a 2xx.
func (opt Options) post(ctx context.Context, endpoint string, allow []string, body string, headers map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, opt.Timeout)
	defer cancel()
	client, err := opt.client(endpoint, allow)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		return engine.Errorf(engine.Invalid, "notify", "the request cannot be made")
	}
	r.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	answer, err := client.Do(r)
	if err != nil {
		return opt.sendError(err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	return answered(answer.StatusCode, string(said))
}

// sendError says what went wrong without the address, which may be a secret.
func (opt Options) sendError(err error) error {
	if e := inside(err); e != nil {
		return e
	}
	if silent(err) {
		return opt.noAnswer("")
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return engine.Errorf(engine.Unavailable, "notify", "%w", err)
}

// silent reports whether nobody answered in time.
func silent(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func (opt Options) noAnswer(channel string) error {
	return engine.Errorf(engine.Unavailable, strings.TrimSpace("notify "+channel), "it did not answer within %s", engine.FormatDuration(opt.Timeout))
}

// answered judges the status of an answer: what the server refuses it will
// refuse again.
func answered(status int, said string) error {
	text := fmt.Sprintf("it answered %d", status)
	if said = strings.TrimSpace(said); said != "" {
		text += ": " + strings.ToValidUTF8(said, "?")
	}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return engine.Errorf(engine.Unavailable, "notify", "%s", text)
	}
	return engine.Errorf(engine.Invalid, "notify", "%s", text).WithHint("check the channel's address and its keys")
}
