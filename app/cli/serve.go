package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/server"
	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/frontend"
)

// serveGrace is how long requests may take to end once serve is to stop.
const serveGrace = 2 * time.Second

func (a *app) serveVerb() *cobra.Command {
	var addr, metricsToken string
	var metrics bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the workbench to a browser on this machine",
		Long: "Serve the workbench to a browser on this machine, until Ctrl-C, and print its\n" +
			"address. The address holds a token: who knows it can read and change the workspace.\n" +
			"Other verbs work meanwhile, through this process.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkLoopback(addr); err != nil {
				return err
			}
			err := a.withBench(cmd, func(ctx context.Context, b *workbench.Workbench) error {
				if s := a.env.shared; s != nil {
					return alreadyOpen(s)
				}
				opt := server.Options{Metrics: metrics || metricsToken != ""}
				if metricsToken != "" {
					token, err := readToken(a.path(metricsToken))
					if err != nil {
						return err
					}
					opt.MetricsToken = token
				}
				return a.serveUntil(ctx, b, addr, opt)
			})
			if engine.KindOf(err) == engine.Canceled {
				return nil // Ctrl-C is how it ends
			}
			return err
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:0", "listen on this address of this machine; port 0 is any that is free")
	cmd.Flags().BoolVar(&metrics, "metrics", false, "let Prometheus read /metrics, with the token")
	cmd.Flags().StringVar(&metricsToken, "metrics-token-file", "", "a file with a token that opens /metrics and nothing else; switches it on")
	return cmd
}

// minToken is how long a token must be that somebody made.
const minToken = 20

func readToken(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", engine.Errorf(engine.NotFound, "read the token for metrics", "%w", err).WithHint("write one: openssl rand -hex 20 > FILE")
	}
	token := strings.TrimSpace(string(data))
	if len(token) < minToken || strings.ContainsAny(token, " \n\t") {
		return "", engine.Errorf(engine.Invalid, "read the token for metrics", "%s holds no token", file).
			WithHint("a token is one word of at least %d characters: openssl rand -hex 20 > FILE", minToken)
	}
	return token, nil
}

// checkLoopback refuses addresses that other machines can reach: what is
// served is everything the user can do, behind one token.
func checkLoopback(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return engine.Errorf(engine.Invalid, "serve", "--addr %s is no address", addr).WithHint("write 127.0.0.1:8080")
	}
	ip, err := netip.ParseAddr(host)
	if host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return engine.Errorf(engine.Invalid, "serve", "--addr %s can be reached from other machines", addr).
			WithHint("write 127.0.0.1:%s; from elsewhere, go through ssh -L", port)
	}
	return nil
}

// alreadyOpen is what serve says when another process has the workspace. Who
// reads it has read that process's owner.json, and so is the same user.
func alreadyOpen(s *shared) error {
	e := engine.Errorf(engine.Conflict, "serve", "another process has the workspace open")
	if url := s.served.Load(); url != nil {
		e = engine.Errorf(engine.Conflict, "serve", "another process serves this workspace already")
		return e.WithHint("open %s", *url)
	}
	return e.WithHint("wait for it to end, or end it (tidemark doctor names it), and try again")
}

// serveUntil serves the workspace until ctx ends.
func (a *app) serveUntil(ctx context.Context, b *workbench.Workbench, addr string, opt server.Options) error {
	l, err := a.listen(ctx, b, addr, opt)
	if err != nil {
		return err
	}
	if err := a.printServed(l.url, l.token); err != nil {
		return errors.Join(err, l.close(ctx))
	}
	select {
	case err = <-l.failed:
		err = engine.Errorf(engine.Unavailable, "serve", "%w", err)
	case <-ctx.Done():
	}
	return errors.Join(err, l.close(ctx))
}

// listening is a server that runs.
type listening struct {
	app        *app
	server     *server.Server
	http       *http.Server
	url, token string
	file       string // where served stands
	failed     chan error
}

// served is where a process serves the workspace. It is left behind only by
// one that was killed: the next then listens at the same place and knows the
// same token, so that the pages that are open go on by themselves.
type served struct {
	Host  string `json:"host"`
	Token string `json:"token"`
}

func readServed(file string) served {
	var s served
	if data, err := os.ReadFile(file); err != nil || json.Unmarshal(data, &s) != nil || checkLoopback(s.Host) != nil || len(s.Token) < 20 {
		return served{}
	}
	return s
}

// listenAgain listens at addr; where that leaves the port open, at the place
// before, if it is free.
func listenAgain(addr, before string) (net.Listener, error) {
	if _, port, err := net.SplitHostPort(addr); err == nil && port == "0" && before != "" {
		if listener, err := net.Listen("tcp", before); err == nil {
			return listener, nil
		}
	}
	return net.Listen("tcp", addr)
}

// listen begins to serve the workspace; opt is what a window adds.
func (a *app) listen(ctx context.Context, b *workbench.Workbench, addr string, opt server.Options) (*listening, error) {
	file := filepath.Join(workspace.StateDir(b.Workspace.Root), "served.json")
	before := readServed(file)
	listener, err := listenAgain(addr, before.Host)
	if err != nil {
		return nil, engine.Errorf(engine.Unavailable, "serve", "%w", err).WithHint("choose another port with --addr, or 127.0.0.1:0 for any")
	}
	host := listener.Addr().String()
	l := &listening{app: a, file: file, token: rand.Text(), failed: make(chan error, 1)}
	if before.Host == host && before.Token != "" {
		l.token = before.Token
	}
	if data, err := json.Marshal(served{host, l.token}); err == nil {
		_ = atomicfile.Write(file, data, 0o600) // without it a page does not come back by itself
	}
	l.url = "http://" + host + "/#k=" + l.token
	opt.Bench, opt.Token, opt.Host, opt.Version, opt.Page = b, l.token, host, version(), frontend.Handler()
	opt.Reload, opt.Trust, opt.Allow, opt.ConfigDir, opt.Context = a.loadWorkspace, a.trustRoot, a.allowHash, a.configDir(), ctx
	l.server = server.New(opt)
	l.http = &http.Server{Handler: l.server.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	go func() { l.failed <- l.http.Serve(listener) }()
	a.served.Store(&l.url)
	return l, nil
}

// close ends it. Streams and queries end with the server's own; what is left
// is short.
func (l *listening) close(ctx context.Context) error {
	l.app.served.Store(nil)
	_ = os.Remove(l.file)
	closed := l.server.Close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), serveGrace)
	defer cancel()
	if l.http.Shutdown(grace) != nil {
		_ = l.http.Close()
	}
	return closed
}

func (a *app) printServed(url, token string) error {
	if a.json {
		return a.printJSON(struct {
			URL   string `json:"url"`
			Token string `json:"token"`
		}{url, token})
	}
	_, err := fmt.Fprintln(a.stdout, url)
	a.say("open it in a browser on this machine; Ctrl-C ends it")
	return err
}
