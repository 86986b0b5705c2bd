package notify

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"net/url"
	"strconv"

	"github.com/wneessen/go-mail"

	"tidemark.dev/tidemark/engine"
)

// email sends messages by SMTP, as text and as HTML.
type email struct {
	Config
	opt    Options
	server *url.URL
}

func newEmail(c Config, opt Options) (*email, error) {
	u, err := url.Parse(c.SMTP)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		// The address holds the password and is not repeated.
		return nil, engine.Errorf(engine.Invalid, "notify "+c.Name, "smtp: this is not the address of a mail server").WithHint("write smtp://user:password@host:port, or smtps://")
	}
	if c.From == "" {
		c.From = "tidemark@" + u.Hostname()
	}
	return &email{c, opt, u}, nil
}

var htmlMessage = template.Must(template.New("message").Parse(`<!doctype html>
<html><body style="font-family: sans-serif; color: #1b2733">
<h2 style="margin: 0 0 8px">{{.Title}}</h2>
{{with .Text}}<p>{{.}}</p>{{end}}
<table cellpadding="4">{{range .Facts}}<tr><td style="color: #5b6b7a">{{index . 0}}</td><td>{{index . 1}}</td></tr>{{end}}</table>
{{with .Items}}<ul>{{range .}}<li>{{.Line}}</li>{{end}}</ul>{{end}}
{{with .Link}}<p><a href="{{.}}">Open in Tidemark</a></p>{{end}}
</body></html>
`))

// HTML is the message as a page.
func (m Message) HTML() (string, error) {
	var b bytes.Buffer
	err := htmlMessage.Execute(&b, struct {
		Message
		Facts [][2]string
	}{m, m.facts()})
	return b.String(), err
}

func (e *email) Send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, e.opt.Timeout)
	defer cancel()
	msg, err := e.message(m)
	if err != nil {
		return engine.Errorf(engine.Invalid, "notify "+e.Name, "%w", err)
	}
	client, err := mail.NewClient(e.server.Hostname(), e.options()...)
	if err != nil {
		return engine.Errorf(engine.Invalid, "notify "+e.Name, "%w", err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		if e := inside(err); e != nil {
			return e
		}
		kind := engine.Unavailable
		var refused *mail.SendError
		if errors.As(err, &refused) && !refused.IsTemp() && ctx.Err() == nil && refused.Reason != mail.ErrConnCheck {
			kind = engine.Invalid
		}
		return engine.Errorf(kind, "notify "+e.Name, "%w", err)
	}
	return nil
}

func (e *email) options() []mail.Option {
	w := wall{opt: e.opt, own: e.server.Hostname(), allow: e.Allow}
	opts := []mail.Option{mail.WithTimeout(e.opt.Timeout), mail.WithTLSPolicy(mail.TLSOpportunistic), mail.WithDialContextFunc(w.dial)}
	if e.server.Scheme == "smtps" {
		opts = append(opts, mail.WithSSL())
	}
	if port, err := strconv.Atoi(e.server.Port()); err == nil {
		opts = append(opts, mail.WithPort(port))
	}
	if user := e.server.User; user != nil {
		password, _ := user.Password()
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user.Username()), mail.WithPassword(password))
	}
	return opts
}

func (e *email) message(m Message) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := msg.From(e.From); err != nil {
		return nil, err
	}
	if err := msg.To(e.To...); err != nil {
		return nil, err
	}
	page, err := m.HTML()
	if err != nil {
		return nil, err
	}
	msg.Subject(m.Title)
	msg.SetMessageIDWithValue(m.Key + "@tidemark") // who gets it twice shows it once
	msg.SetBodyString(mail.TypeTextPlain, m.Plain())
	msg.AddAlternativeString(mail.TypeTextHTML, page)
	return msg, nil
}
