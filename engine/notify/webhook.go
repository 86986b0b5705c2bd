package notify

import (
	"context"
	"encoding/json"
	"io"

	"tidemark.dev/tidemark/engine"
)

// webhook posts messages as JSON.
type webhook struct {
	Config
	opt Options
}

func (w *webhook) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return engine.Errorf(engine.Invalid, "notify "+w.Name, "%w", err)
	}
	return w.opt.post(ctx, w.URL, w.Allow, string(body), w.Headers)
}

// file appends messages to a file, one JSON object a line.
type file struct {
	Config
	opt Options
}

func (f *file) Send(_ context.Context, m Message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return engine.Errorf(engine.Invalid, "notify "+f.Name, "%w", err)
	}
	to, err := f.opt.Append(f.Path)
	if err != nil {
		return engine.Errorf(engine.Unavailable, "notify "+f.Name, "%w", err)
	}
	_, err = io.WriteString(to, string(line)+"\n")
	if closing := to.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return engine.Errorf(engine.Unavailable, "notify "+f.Name, "%w", err)
	}
	return nil
}

// desktop shows messages on the screen.
type desktop struct{ opt Options }

func (d *desktop) Send(_ context.Context, m Message) error {
	if d.opt.Show == nil {
		return engine.Errorf(engine.Unavailable, "notify", "there is no screen")
	}
	if err := d.opt.Show(m.Title, m.Text); err != nil {
		return engine.Errorf(engine.Unavailable, "notify", "%w", err)
	}
	return nil
}
