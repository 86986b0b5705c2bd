package lookup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// maxAnswer bounds the body of an answer, in bytes.
const maxAnswer = 1 << 20

// Endpoint is an HTTP endpoint that answers a GET with a JSON object, or 404
// for a key that it does not know.
type Endpoint struct {
	// URL has {NAME} where a part of the key goes, in its path or query.
	URL string
	// Keys are the names of the parts, in the order of Get's key.
	Keys   []string
	Take   []string // members of the answer; a.b is a member of a member
	Header map[string]string
	// Private allows addresses of private networks and of this machine.
	Private bool

	client *http.Client
}

var placeholder = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// NewEndpoint checks an endpoint and prepares its connections.
func NewEndpoint(e Endpoint, capacity int) (*Endpoint, error) {
	if err := CheckURL(e.URL, e.Keys); err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error { return mayDial(address, e.Private) }}
	e.client = &http.Client{
		// What a record holds chooses no other place: no redirects, no proxy.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: max(1, capacity), MaxConnsPerHost: max(1, capacity), IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10},
	}
	return &e, nil
}

// Close lets idle connections go.
func (e *Endpoint) Close() { e.client.CloseIdleConnections() }

// CheckURL says what is wrong with the URL of an endpoint.
func CheckURL(text string, keys []string) error {
	_, rest, _ := strings.Cut(text, "://")
	if host, _, _ := strings.Cut(rest, "/"); strings.ContainsAny(host, "{}@") {
		return errors.New("a record must not say which host is asked: put {names} into the path or the query alone")
	}
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("%q is no URL", text)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q does not begin with https:// or http:// and a host", text)
	}
	known := map[string]bool{}
	for _, k := range keys {
		known[k] = true
	}
	used := 0
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if !known[m[1]] {
			return fmt.Errorf("{%s} is none of the key: %s", m[1], strings.Join(keys, ", "))
		}
		used++
	}
	if used == 0 {
		return errors.New("it has no {NAME} of the key, so that every record would get the same answer")
	}
	return nil
}

// reserved are networks that are somebody's own, beyond those that netip knows.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
}

// mayDial refuses addresses that a lookup must not reach, as they are after the
// name was resolved. Link-local ones have the keys of cloud machines, and are
// refused always.
func mayDial(address string, private bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return Permanent{fmt.Errorf("%q is no address", address)}
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() || ip == netip.MustParseAddr("fd00:ec2::254") {
		return Permanent{fmt.Errorf("%s is no address that a lookup may reach", ip)}
	}
	own := ip.IsLoopback() || ip.IsPrivate()
	for _, p := range reserved {
		own = own || p.Contains(ip)
	}
	if own && !private {
		return Permanent{fmt.Errorf("%s is in a private network: if that is meant, set network: private", ip)}
	}
	return nil
}

// Get asks for one key.
func (e *Endpoint) Get(ctx context.Context, key []string) ([]json.RawMessage, bool, error) {
	address, ok := e.fill(key)
	if !ok {
		return nil, false, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, false, Permanent{err}
	}
	r.Header.Set("Accept", "application/json")
	for k, v := range e.Header {
		r.Header.Set(k, v)
	}
	answer, err := e.client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // its URL has the key, which may be personal
		}
		return nil, false, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err != nil {
		return nil, false, err
	}
	return e.read(answer.StatusCode, body)
}

func (e *Endpoint) read(status int, body []byte) ([]json.RawMessage, bool, error) {
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		return nil, false, nil
	case status == http.StatusTooManyRequests || status >= 500:
		return nil, false, fmt.Errorf("it answered %d", status)
	case status != http.StatusOK:
		return nil, false, Permanent{fmt.Errorf("it answered %d", status)}
	case len(body) > maxAnswer:
		return nil, false, Permanent{fmt.Errorf("its answer has more than %d MB", maxAnswer>>20)}
	}
	if !json.Valid(body) || !strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
		return nil, false, Permanent{errors.New("its answer is no JSON object")}
	}
	out := make([]json.RawMessage, len(e.Take))
	for i, path := range e.Take {
		out[i] = member(body, strings.Split(path, "."))
	}
	return out, true, nil
}

// member finds a member of an object; nil when there is none, or it is null.
func member(object json.RawMessage, path []string) json.RawMessage {
	for _, name := range path {
		var m map[string]json.RawMessage
		if json.Unmarshal(object, &m) != nil {
			return nil
		}
		object = m[name]
	}
	return Compact(object)
}

// Compact writes a value on one line; nil for null, and for what is none.
func Compact(v json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, v) != nil || b.String() == "null" {
		return nil
	}
	return b.Bytes()
}

// fill puts a key into the URL; ok is false for one that would name another
// place than its own segment.
func (e *Endpoint) fill(key []string) (address string, ok bool) {
	values := map[string]string{}
	for i, k := range e.Keys {
		values[k] = key[i]
	}
	path, query, _ := strings.Cut(e.URL, "?")
	ok = true
	put := func(text string, escape func(string) string, strict bool) string {
		return placeholder.ReplaceAllStringFunc(text, func(p string) string {
			v := values[p[1:len(p)-1]]
			ok = ok && (!strict || v != "" && strings.Trim(v, ".") != "")
			return escape(v)
		})
	}
	address = put(path, url.PathEscape, true)
	if query != "" {
		address += "?" + put(query, url.QueryEscape, false)
	}
	return address, ok
}
