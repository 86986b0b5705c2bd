package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
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

// keys reports whether clouds hand out a machine's keys at an address. Nobody
// means to notify it.
func keys(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLinkLocalUnicast() || slices.Contains(keyServers, a)
}

// keyServers are those outside of the link-local networks: AWS over IPv6,
// Alibaba, Azure.
var keyServers = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16")}

// wall says which addresses the messages of a channel may go to. An address
// inside is reached only where the channel writes it as such, and one that
// hands out keys only where the channel allows the host: no redirect, and no
// name that suddenly means something else, leads there. That is judged where a
// connection is made, after names were resolved.
type wall struct {
	opt   Options
	own   string   // the host that the channel writes
	allow []string // the hosts that it may reach wherever they are
	// private: names of its own host may lead to private networks.
	private bool
}

func (w wall) refuses(host string, a netip.Addr) bool {
	switch {
	case slices.ContainsFunc(w.allow, func(h string) bool { return strings.EqualFold(h, host) }):
		return false
	case keys(a):
		return true
	case !w.opt.Internal(a):
		return false
	case !strings.EqualFold(host, w.own):
		return true
	}
	_, err := netip.ParseAddr(host)
	return err != nil && !strings.EqualFold(host, "localhost") && !w.private
}

// insideError is a connection that the wall did not let through.
type insideError struct{ host string }

func (e *insideError) Error() string { return e.host + " leads to an internal address" }

// inside is what the user is told of such a connection; nil of any other
// failure.
func inside(err error) error {
	var e *insideError
	if !errors.As(err, &e) {
		return nil
	}
	return engine.Errorf(engine.Invalid, "notify", "%w", e).WithHint("if it is meant, write allow: [%q] into the channel", e.host)
}

// dial connects where the wall lets it.
func (w wall) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	d := &net.Dialer{Timeout: w.opt.Timeout, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err == nil && w.refuses(host, at.Addr()) {
			return &insideError{host}
		}
		return err
	}}
	return d.DialContext(ctx, network, address)
}

// maxRedirects bounds how often a server may send a message on.
const maxRedirects = 3

// client makes a client for one endpoint.
func (opt Options) client(endpoint string, allow []string) (*http.Client, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" {
		return nil, engine.Errorf(engine.Invalid, "notify", "this is not the address of a server").WithHint("write https://host/path")
	}
	return wall{opt: opt, own: u.Hostname(), allow: allow}.client(), nil
}

func (w wall) client() *http.Client {
	return &http.Client{
		Timeout:   w.opt.Timeout,
		Transport: &http.Transport{DialContext: w.dial, DisableKeepAlives: true, TLSHandshakeTimeout: w.opt.Timeout, ResponseHeaderTimeout: w.opt.Timeout},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case len(via) > maxRedirects:
				return errors.New("it redirects without end")
			case r.Method != via[0].Method:
				return errors.New("it redirects in a way that loses the message")
			case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
				return fmt.Errorf("it redirects to %s, which is not encrypted", r.URL.Hostname())
			}
			return nil
		},
	}
}
