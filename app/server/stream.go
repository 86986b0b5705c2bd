package server

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tidemark.dev/tidemark/engine"
)

// Media types besides JSON.
const (
	typeArrow  = "application/vnd.apache.arrow.stream"
	typeNDJSON = "application/x-ndjson"
	typeJSON   = "application/json"
)

// answer writes the body of an answer that is no plain JSON. What fails once
// it has begun ends the connection, so that nobody takes half of it for all.
type answer func(w http.ResponseWriter) error

// handleStream registers an operation whose answer fn writes by itself.
// answers are its media types, with a value of the Go type that each holds;
// nil is bytes.
func handleStream[I any](s *Server, op huma.Operation, answers map[string]any, fn func(ctx context.Context, in *I) (answer, error)) {
	op.Path = "/api/v1" + op.Path
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = maxBody
	}
	// A deadline for the body would end what the request waits for, too.
	op.BodyReadTimeout = -1
	if op.Errors == nil {
		op.Errors = []int{400, 404, 409, 500, 503}
	}
	content := map[string]*huma.MediaType{}
	for media, example := range answers {
		content[media] = &huma.MediaType{Schema: s.describe(example)}
	}
	op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: content}}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*huma.StreamResponse, error) {
		write, err := fn(ctx, in)
		if err != nil {
			return nil, failure(err)
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			w := ctx.BodyWriter().(http.ResponseWriter)
			if err := write(w); err != nil && ctx.Context().Err() == nil {
				panic(http.ErrAbortHandler)
			}
		}}, nil
	})
}

// oneOf are values of the Go types of which an answer holds any.
type oneOf []any

func (s *Server) describe(example any) *huma.Schema {
	switch e := example.(type) {
	case nil:
		return &huma.Schema{Type: huma.TypeString, Format: "binary"}
	case oneOf:
		out := &huma.Schema{}
		for _, one := range e {
			out.OneOf = append(out.OneOf, s.describe(one))
		}
		return out
	}
	return s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(example), true, "")
}

// wants reports whether an Accept header asks for a media type first.
func wants(accept, media string) bool {
	first, _, _ := strings.Cut(accept, ",")
	first, _, _ = strings.Cut(first, ";")
	return strings.TrimSpace(first) == media
}

// canceled is what a request is told that was given up.
func canceled(op string) error { return engine.Errorf(engine.Canceled, op, "%w", context.Canceled) }
