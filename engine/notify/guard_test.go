package notify

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
)

// TestTheWall: which hosts a channel may reach, by what their names mean.
func TestTheWall(t *testing.T) {
	for _, c := range []struct {
		own, host, address string
		allow              []string
		refused            bool
	}{
		{"hooks.example", "hooks.example", "93.184.216.34", nil, false},
		{"hooks.example", "hooks.example", "10.0.0.7", nil, true},
		{"hooks.example", "hooks.example", "10.0.0.7", []string{"hooks.example"}, false},
		{"hooks.example", "other.example", "93.184.216.34", nil, false},
		{"hooks.example", "127.0.0.1", "127.0.0.1", nil, true},
		{"hooks.example", "hooks.example", "::ffff:127.0.0.1", nil, true},
		{"10.0.0.7", "10.0.0.7", "10.0.0.7", nil, false},
		{"10.0.0.7", "10.0.0.8", "10.0.0.8", nil, true},
		{"10.0.0.7", "10.0.0.8", "10.0.0.8", []string{"10.0.0.8"}, false},
		{"localhost", "LOCALHOST", "127.0.0.1", nil, false},
		{"169.254.169.254", "169.254.169.254", "169.254.169.254", nil, true},
		{"169.254.169.254", "169.254.169.254", "169.254.169.254", []string{"169.254.169.254"}, false},
		{"hooks.example", "hooks.example", "169.254.169.254", []string{"other"}, true},
		{"fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::254", nil, true},
		{"100.100.100.200", "100.100.100.200", "100.100.100.200", nil, true},
		{"hooks.example", "hooks.example", "100.64.0.1", nil, true},
		{"hooks.example", "hooks.example", "fe80::1", nil, true},
		{"hooks.example", "hooks.example", "0.0.0.0", nil, true},
	} {
		w := wall{opt: Options{Internal: internal}, own: c.own, allow: c.allow}
		if got := w.refuses(c.host, netip.MustParseAddr(c.address)); got != c.refused {
			t.Errorf("%+v: refused is %v", c, got)
		}
	}
}

// behind is a server that nothing outside may lead to: 127.0.0.2 stands for
// what lies inside, 127.0.0.1 for the internet.
func behind(t *testing.T) (url string, opt Options, reached *bool) {
	reached = new(bool)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { *reached = true }))
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("this system has one loopback address")
	}
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, Options{Internal: func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.2") }}, reached
}

// TestNoChannelIsLedInside: every channel that speaks to a network is sent to
// a server outside that sends it on inside.
func TestNoChannelIsLedInside(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	secret, opt, reached := behind(t)
	out := httptest.NewServer(http.RedirectHandler(secret, http.StatusTemporaryRedirect))
	t.Cleanup(out.Close)
	for _, c := range []Config{
		{Type: "webhook", URL: out.URL},
		{Type: "slack", URL: out.URL},
		{Type: "sns", Topic: "arn:aws:sns:us-east-1:1:alarms", Region: "us-east-1", Endpoint: out.URL},
	} {
		err := send(t, c, opt, alarm)
		// The SDK follows no redirect: SNS does not even try.
		if err == nil || c.Type != "sns" && engine.KindOf(err) != engine.Invalid || *reached {
			t.Errorf("%s was led inside: %v", c.Type, err)
		}
		c.Allow = []string{"127.0.0.2"}
		if err := send(t, c, opt, alarm); c.Type != "sns" && (err != nil || !*reached) {
			t.Errorf("%s may not go where it is allowed to: %v", c.Type, err)
		}
		*reached = false
	}
	// One that is configured itself is meant, but for where keys are handed out.
	if err := send(t, Config{Type: "webhook", URL: secret}, opt, alarm); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{
		{Type: "webhook", URL: "http://169.254.169.254/latest/meta-data/"},
		{Type: "slack", URL: "http://169.254.169.254/"},
		{Type: "sns", Topic: "arn:aws:sns:us-east-1:1:alarms", Region: "us-east-1", Endpoint: "http://169.254.169.254"},
		{Type: "email", SMTP: "smtp://169.254.169.254:25", To: []string{"a@example.org"}},
	} {
		err := send(t, c, Options{}, alarm)
		if engine.KindOf(err) != engine.Invalid || !strings.Contains(err.Error(), "169.254.169.254 leads to an internal address") {
			t.Errorf("%s: %v", c.Type, err)
		}
	}
}

// TestMailIsNotLedInside: a name that the wall takes for one outside means a
// server inside.
func TestMailIsNotLedInside(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	spoken := make(chan string, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "220 test\r\n")
			line, _ := bufio.NewReader(conn).ReadString('\n')
			spoken <- line
			conn.Close()
		}
	}()
	w := wall{opt: Options{Internal: internal}, own: "mail.example"}
	if conn, err := w.dial(t.Context(), "tcp", l.Addr().String()); err == nil || inside(err) == nil {
		t.Errorf("%v %v", conn, err)
	}
	select {
	case line := <-spoken:
		t.Errorf("the server heard %q", line)
	default:
	}
}

func TestNoMessageIsLostOnTheWay(t *testing.T) {
	lost := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	t.Cleanup(lost.Close)
	if err := send(t, Config{Type: "webhook", URL: lost.URL}, Options{}, alarm); err == nil {
		t.Fatal("a message was lost on the way and called sent")
	}
}
