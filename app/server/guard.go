package server

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// policy lets the page load only what comes from here. Styles may stand in
// the document: the editor makes its own.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
	"font-src 'self'; connect-src 'self'; frame-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard turns away what did not come by our own address (another site that
// gave its name our address), pages of other sites, and, for the API, who does
// not know the token. The page itself is no secret.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		origin := r.Header.Get("Origin")
		switch {
		case !s.ours(r.Host):
			refuse(w, http.StatusMisdirectedRequest, engine.Invalid, "this address is not ours", "open the address that tidemark printed")
		case origin != "" && (!strings.HasPrefix(origin, "http://") || !s.ours(strings.TrimPrefix(origin, "http://"))):
			refuse(w, http.StatusForbidden, engine.Invalid, "not for other sites", "open the address that tidemark printed")
		case !s.open(r.URL.Path) && !s.knows(r, r.URL.Path):
			h.Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, engine.Invalid, "a token is needed", "open the address that tidemark printed, or send the token as Authorization: Bearer TOKEN")
		default:
			if strings.HasPrefix(r.URL.Path, "/api/") {
				// Browsers queue equal requests behind each other for their cache.
				h.Set("Cache-Control", "no-store")
			}
			next.ServeHTTP(w, r)
		}
	})
}

// ours reports whether a host is the address that we listen on.
func (s *Server) ours(host string) bool {
	name, port, err := net.SplitHostPort(host)
	_, own, ownErr := net.SplitHostPort(s.opt.Host)
	return err == nil && ownErr == nil && port == own && (name == "127.0.0.1" || name == "localhost" || name == "::1")
}

// open reports whether a path is for everybody on this machine.
func (s *Server) open(path string) bool {
	return !strings.HasPrefix(path, "/api/") && path != metricsPath
}

// knows reports whether a request bears the token; for metrics there may be
// one that opens nothing else.
func (s *Server) knows(r *http.Request, path string) bool {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	is := func(own string) bool {
		return own != "" && subtle.ConstantTimeCompare([]byte(token), []byte(own)) == 1
	}
	return found && (is(s.opt.Token) || path == metricsPath && is(s.opt.MetricsToken))
}

// refuse answers with a failure in the shape of all others.
func refuse(w http.ResponseWriter, status int, kind engine.Kind, message, hint string) {
	e := engine.Errorf(kind, "read the request", "%s", message).WithHint("%s", hint)
	f := failed(e)
	f.status = status
	_ = writeFailed(w, f)
}

// routed hands a request to the operation it names. What names none is told
// so in the shape of all failures, where http.ServeMux would answer in text.
func (s *Server) routed(w http.ResponseWriter, r *http.Request) {
	h, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	silent := &headOnly{header: http.Header{}}
	h.ServeHTTP(silent, r)
	for name, values := range silent.header {
		if name == "Allow" || name == "Location" {
			w.Header()[name] = values
		}
	}
	const described = "/api/openapi.json describes the API"
	switch silent.status {
	case http.StatusMethodNotAllowed:
		refuse(w, silent.status, engine.Invalid, r.Method+" cannot be done here, but "+silent.header.Get("Allow"), described)
	case http.StatusNotFound:
		refuse(w, silent.status, engine.NotFound, "there is no such address", described)
	default: // a redirect to the clean form of a path
		w.WriteHeader(silent.status)
	}
}

// headOnly is an answer of which only the status and the header are kept.
type headOnly struct {
	header http.Header
	status int
}

func (h *headOnly) Header() http.Header         { return h.header }
func (h *headOnly) WriteHeader(status int)      { h.status = status }
func (h *headOnly) Write(b []byte) (int, error) { return len(b), nil }
