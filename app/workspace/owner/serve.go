package owner

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
)

// maxRequest bounds a command line, in bytes.
const maxRequest = 1 << 20

func (o *Owner) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /run", o.serveRun)
	mux.HandleFunc("POST /cancel", o.serveCancel)
	return o.guard(mux)
}

// guard lets through who knows the token and came by the address that was
// given out: no page of a browser does.
func (o *Owner) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case r.Host != o.host:
			http.Error(w, "wrong host", http.StatusMisdirectedRequest)
		case r.Header.Get("Origin") != "":
			http.Error(w, "not for browsers", http.StatusForbidden)
		case subtle.ConstantTimeCompare([]byte(token), []byte(o.token)) != 1:
			http.Error(w, "wrong token", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (o *Owner) serveRun(w http.ResponseWriter, r *http.Request) {
	var req Request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&req); err != nil || req.ID == "" {
		http.Error(w, "not a command", http.StatusBadRequest)
		return
	}
	// The command ends with its connection, and with this process.
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(o.ctx, cancel)()
	if !o.begin(req.ID, cancel) {
		http.Error(w, "the workspace is being closed", http.StatusServiceUnavailable)
		return
	}
	defer o.end(req.ID)
	frames := newFrameWriter(w)
	// From here on the other side knows that the command has begun.
	w.WriteHeader(http.StatusOK)
	if err := frames.flush(); err != nil {
		return
	}
	code := o.run(ctx, req, frames.stream(stdoutFrame), frames.stream(stderrFrame))
	frames.exit(code)
}

func (o *Owner) serveCancel(w http.ResponseWriter, r *http.Request) {
	var req Request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&req); err != nil {
		http.Error(w, "not a command", http.StatusBadRequest)
		return
	}
	o.cancelRun(req.ID)
	w.WriteHeader(http.StatusNoContent)
}
