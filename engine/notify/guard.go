package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"tidemark.dev/tidemark/engine"
)

// internal reports whether an address is one that servers on the internet have
// no business with.
func internal(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsMulticast() || a.IsUnspecified() ||
		netip.MustParsePrefix("100.64.0.0/10").Contains(a)
}

// maxRedirects bounds how often a server may send a message on.
const maxRedirects = 3

// client makes a client for one endpoint. Unless the endpoint itself is
// internal, no connection to an internal address is made: neither by a
// redirect nor by a name that suddenly means something else. That is checked
// where the connection is made, after names have been resolved.
func (opt Options) client(ctx context.Context, endpoint string) (*http.Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" {
		return nil, engine.Errorf(engine.Invalid, "notify", "this is not the address of a server").WithHint("write https://host/path")
	}
	allowed, err := opt.pointsInside(ctx, u.Hostname())
	if err != nil {
		return nil, engine.Errorf(engine.Unavailable, "notify", "%s cannot be found: %w", u.Hostname(), err)
	}
	dialer := &net.Dialer{Timeout: opt.Timeout, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err == nil && !allowed && opt.Internal(at.Addr()) {
			return errInside
		}
		return err
	}}
	return &http.Client{
		Timeout:   opt.Timeout,
		Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, TLSHandshakeTimeout: opt.Timeout, ResponseHeaderTimeout: opt.Timeout},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case len(via) > maxRedirects:
				return errors.New("it redirects without end")
			case r.Method != via[0].Method:
				return errors.New("it redirects in a way that loses the message")
			}
			return nil
		},
	}, nil
}

var errInside = errors.New("it leads to an internal address")

func (opt Options) pointsInside(ctx context.Context, host string) (bool, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return opt.Internal(a), nil
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for _, a := range addresses {
		if !opt.Internal(a) {
			return false, err
		}
	}
	return len(addresses) > 0, err
}

// post sends a body and wants a 2xx.
func (opt Options) post(ctx context.Context, endpoint, contentType, body string, headers map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, opt.Timeout)
	defer cancel()
	client, err := opt.client(ctx, endpoint)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		return engine.Errorf(engine.Invalid, "notify", "the request cannot be made")
	}
	r.Header.Set("Content-Type", contentType)
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	answer, err := client.Do(r)
	if err != nil {
		return sendError(err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	return answered(answer.StatusCode, string(said))
}

// sendError says what went wrong without the address, which may be a secret.
func sendError(err error) error {
	if errors.Is(err, errInside) {
		return engine.Errorf(engine.Invalid, "notify", "%w", errInside).WithHint("write the address that it leads to into the channel, if it is the right one")
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return engine.Errorf(engine.Unavailable, "notify", "%w", err)
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
