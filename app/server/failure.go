package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tidemark.dev/tidemark/engine"
)

// Problem is a failure told to the user: in the same words as on the command
// line under --json.
type Problem struct {
	Kind    engine.Kind `json:"kind" enum:"invalid,not_found,conflict,unavailable,inexpressible,canceled,internal"`
	Op      string      `json:"op"`
	Message string      `json:"message"`
	Hint    string      `json:"hint"`
	File    string      `json:"file"`
	Line    int         `json:"line" doc:"From 1; 0 when unknown."`
	Column  int         `json:"column" doc:"From 1; 0 when unknown."`
	Excerpt string      `json:"excerpt,omitempty" doc:"The line that Line names."`
}

// Failure is the body of every answer that is not a success.
type Failure struct {
	Err Problem `json:"error"`
	// Problems are all of them, when there are several.
	Problems []Problem `json:"problems,omitempty"`
	status   int
}

func (f *Failure) Error() string { return f.Err.Message }

// GetStatus is the HTTP status.
func (f *Failure) GetStatus() int { return f.status }

// failure makes an error into an answer.
func failure(err error) error { return failed(err) }

func failed(err error) *Failure {
	all := problems(err)
	f := &Failure{Err: all[0], status: statusOf(all[0].Kind)}
	if len(all) > 1 {
		f.Problems = all
	}
	return f
}

// problems lists the errors that were joined; never none.
func problems(err error) []Problem {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []Problem
		for _, e := range joined.Unwrap() {
			out = append(out, problems(e)...)
		}
		if len(out) > 0 {
			return out
		}
	}
	p := Problem{Kind: engine.KindOf(err), Message: err.Error()}
	var e *engine.Error
	if errors.As(err, &e) {
		p.Op, p.Hint, p.File, p.Line, p.Column, p.Excerpt = e.Op, e.Hint, e.File, e.Line, e.Column, e.Excerpt
		if e.Err != nil {
			p.Message = e.Err.Error()
		}
	}
	return []Problem{p}
}

func statusOf(k engine.Kind) int {
	switch k {
	case engine.Invalid, engine.Inexpressible:
		return http.StatusBadRequest
	case engine.NotFound:
		return http.StatusNotFound
	case engine.Conflict:
		return http.StatusConflict
	case engine.Unavailable:
		return http.StatusServiceUnavailable
	case engine.Canceled:
		return 499 // as nginx says: the client closed the request
	}
	return http.StatusInternalServerError
}

// Errors of huma's own, about input that does not fit its shape, look like all
// others.
func init() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		f := &Failure{Err: Problem{Kind: engine.Invalid, Op: "read the request", Message: msg}, status: status}
		switch {
		case status == http.StatusNotFound:
			f.Err.Kind = engine.NotFound
		case status >= 500:
			f.Err.Kind = engine.Internal
		}
		f.Err.Hint = hints[status]
		if said := details(errs); said != "" {
			f.Err.Message += ": " + said
		}
		return f
	}
}

// hints say what to do about input that does not fit.
var hints = map[int]string{
	http.StatusUnprocessableEntity:   "/api/openapi.json says what this operation takes",
	http.StatusBadRequest:            "/api/openapi.json says what this operation takes",
	http.StatusRequestEntityTooLarge: "send at most 16 MB; files go to /api/v1/upload",
	http.StatusUnsupportedMediaType:  "send JSON, with Content-Type: application/json",
}

// Of what does not fit, this much is told.
const (
	maxDetails = 5
	maxDetail  = 200
)

// details says where input does not fit. The input itself is not repeated: it
// may be large, and who sent it has it.
func details(errs []error) string {
	var said []string
	for _, e := range errs {
		if e == nil {
			continue
		}
		text := e.Error()
		var d huma.ErrorDetailer
		if errors.As(e, &d) {
			text = d.ErrorDetail().Message
			if at := d.ErrorDetail().Location; at != "" {
				text += " (" + at + ")"
			}
		}
		if runes := []rune(text); len(runes) > maxDetail {
			text = string(runes[:maxDetail]) + "…"
		}
		said = append(said, text)
	}
	if more := len(said) - maxDetails; more > 0 {
		said = append(said[:maxDetails], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(said, "; ")
}
