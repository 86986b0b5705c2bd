package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"html/template"
	"net/url"
	"strconv"
	"strings"

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
<html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>
<body style="font-family: sans-serif; line-height: 1.5">
<h2 style="margin: 0 0 8px; font-size: 18px">{{.Title}}</h2>
{{with .Text}}<p style="margin: 0 0 12px; white-space: pre-wrap">{{.}}</p>{{end}}
{{with .Facts}}<table cellspacing="0" cellpadding="0">{{range .}}<tr><td style="padding: 0 16px 2px 0; opacity: .7">{{index . 0}}</td><td>{{index . 1}}</td></tr>{{end}}</table>{{end}}
{{with .Shares}}<ul style="padding-left: 20px">{{range .}}<li>{{.Line}}{{with .Link}} <a href="{{.}}">Open</a>{{end}}</li>{{end}}{{with $.Left}}<li>{{.}}</li>{{end}}</ul>{{end}}
{{if .Link}}<p><a href="{{.Link}}">Open in Tidemark</a></p>{{else if .More}}<p>More: <code>{{.More}}</code></p>{{end}}
</body></html>
`))

// HTML is the message as a page.
func (m Message) HTML() (string, error) {
	list, left := m.shares()
	var b bytes.Buffer
	err := htmlMessage.Execute(&b, struct {
		Message
		Facts      [][2]string
		Shares     []*share
		Left, More string
	}{m, m.facts(), list, leftOut(left), m.more()})
	return b.String(), err
}

// messageID is the same for the same message of a channel, so that who gets it
// twice shows it once, and that of no other: keys are unique in their outbox,
// and hold what a header cannot.
func (c Config) messageID(key string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.Outbox, c.Name, key}, "\x00")))
	return hex.EncodeToString(sum[:16]) + "@tidemark"
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
		if silent(err) {
			return e.opt.noAnswer(e.Name)
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
	msg.SetMessageIDWithValue(e.messageID(m.Key))
	msg.SetBodyString(mail.TypeTextPlain, m.Plain())
	msg.AddAlternativeString(mail.TypeTextHTML, page)
	return msg, nil
}
