package owner

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"tidemark.dev/tidemark/app/workspace/filelock"
	"tidemark.dev/tidemark/engine"
)

// Options says whose workspace, and how long to wait for it.
type Options struct {
	// Dir is the state folder, which must exist.
	Dir string
	// Version is that of this program; another one is not spoken to.
	Version string
	// Patience is how long to wait for an owner that does not answer, because
	// it is just starting or just gone. Zero is 5 seconds.
	Patience time.Duration
	// ClosingPatience is how long to wait for an owner that says it is
	// closing. Zero is one minute.
	ClosingPatience time.Duration
	// Waiting, if set, is called once when that begins.
	Waiting func()
}

// Enter gets a command to where the workspace is open. If it is open nowhere,
// own is called with the workspace taken, and must Close it; otherwise the
// request is run by the owner, with its output copied to stdout and stderr.
//
// here says which of both happened: then err is what own returned, else code
// is the command's exit code. When ctx ends, the command is cancelled there
// and may still say goodbye.
func Enter(ctx context.Context, o Options, r Request, stdout, stderr io.Writer, own func(*Owner) error) (code int, here bool, err error) {
	r.ID = rand.Text()
	p := patience{
		silent:  time.Now().Add(orDefault(o.Patience, 5*time.Second)),
		closing: time.Now().Add(orDefault(o.ClosingPatience, time.Minute)),
	}
	for {
		owner, err := acquire(o.Dir)
		if err == nil {
			return 0, true, own(owner)
		}
		if !errors.Is(err, filelock.ErrHeld) {
			return 0, false, engine.Errorf(engine.Unavailable, "open workspace", "%w", err).
				WithHint("check that you can write to %s", o.Dir)
		}
		code, err := runThere(ctx, o, r, stdout, stderr)
		switch {
		case err == nil:
			return code, false, nil
		case errors.Is(err, errClosing):
			if o.Waiting != nil {
				o.Waiting()
				o.Waiting = nil
			}
			err = p.wait(ctx, p.closing, o, err)
		case errors.Is(err, errSilent):
			err = p.wait(ctx, p.silent, o, err)
		}
		if err != nil {
			return 0, false, err
		}
	}
}

func orDefault(d, value time.Duration) time.Duration {
	if d == 0 {
		return value
	}
	return d
}

// patience is how long is waited before giving up.
type patience struct{ silent, closing time.Time }

func (p patience) wait(ctx context.Context, until time.Time, o Options, cause error) error {
	if time.Now().After(until) {
		return engine.Errorf(engine.Conflict, "open workspace", "another process has it open: %w", cause).
			WithHint("end that process (tidemark doctor names it) and try again")
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}

// Reasons for which the command was not begun and may be tried again.
var (
	errSilent  = errors.New("it does not answer")
	errClosing = errors.New("it is closing")
)

// goodbye is how long a cancelled command has to end by itself.
const goodbye = 10 * time.Second

// client speaks to the owner directly, whatever proxies the user has.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func runThere(ctx context.Context, o Options, r Request, stdout, stderr io.Writer) (int, error) {
	info, err := ReadInfo(o.Dir)
	if err != nil {
		return 0, orCanceled(ctx, errSilent)
	}
	if info.Version != o.Version {
		return 0, engine.Errorf(engine.Conflict, "open workspace",
			"it is open in tidemark %s (process %d), and this is %s", info.Version, info.PID, o.Version).
			WithHint("end that process, or use that version")
	}
	// The request outlives ctx: cancelling asks the other side to stop.
	streamCtx, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	defer context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(goodbye, abort)
		context.AfterFunc(streamCtx, func() { timer.Stop() })
		if err := cancelThere(streamCtx, info, r.ID); err != nil {
			abort()
		}
	})()
	resp, err := post(streamCtx, info, "/run", r)
	if err != nil {
		return 0, orCanceled(ctx, errSilent)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		return 0, errClosing
	case http.StatusUnauthorized, http.StatusMisdirectedRequest:
		return 0, errSilent // the file is older than the process behind its port
	default:
		return 0, engine.Errorf(engine.Internal, "run the command in process "+strconv.Itoa(info.PID), "answered %s", resp.Status)
	}
	code, err := copyFrames(resp.Body, stdout, stderr)
	if err != nil {
		return 0, orCanceled(ctx, engine.Errorf(engine.Unavailable, "run the command in process "+strconv.Itoa(info.PID),
			"the process that has the workspace open ended or could not be followed: %w", err).
			WithHint("run the command again"))
	}
	return code, nil
}

func orCanceled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func cancelThere(ctx context.Context, info Info, id string) error {
	resp, err := post(ctx, info, "/cancel", Request{ID: id})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func post(ctx context.Context, info Info, path string, r Request) (*http.Response, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, info.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+info.Token)
	req.Header.Set("Content-Type", "application/json")
	return client.Do(req)
}
