package server

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
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
			http.Error(w, "this address is not ours", http.StatusMisdirectedRequest)
		case origin != "" && (!strings.HasPrefix(origin, "http://") || !s.ours(strings.TrimPrefix(origin, "http://"))):
			http.Error(w, "not for other sites", http.StatusForbidden)
		case strings.HasPrefix(r.URL.Path, "/api/") && !s.knows(r):
			h.Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a token is needed: open the address that tidemark printed", http.StatusUnauthorized)
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

func (s *Server) knows(r *http.Request) bool {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return found && s.opt.Token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(s.opt.Token)) == 1
}
