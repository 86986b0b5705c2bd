package workspace

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"tidemark.dev/tidemark/engine"
)

func (v *validator) channel(key engine.Text, c *Channel) {
	if !sourceName.MatchString(c.Name) {
		v.wrong(key, "%q cannot be the name of a channel", c.Name).Hint = "use letters, digits, _ and -, beginning with a letter"
	}
	if !v.typed("channel", key, c.At, c.Type, channelKeys) {
		return
	}
	v.endpoint(c.At.Value("endpoint"), c.Endpoint)
	// Addresses may be secrets themselves and are not repeated.
	if c.URL != "" && !hasVariable(c.URL) && !serverAddress(c.URL, "http", "https") {
		v.wrong(c.At.Value("url"), "url: this is not the address of a server").Hint = "write https://host/path"
	}
	if c.SMTP != "" && !hasVariable(c.SMTP) && !serverAddress(c.SMTP, "smtp", "smtps") {
		v.wrong(c.At.Value("smtp"), "smtp: this is not the address of a mail server").Hint = "write smtp://user:${SMTP_PASSWORD}@host:port, or smtps://"
	}
	v.secrets(c)
	v.daily(c)
	for _, host := range c.Allow {
		if !hasVariable(host) && !isHost(host) {
			v.wrong(c.At.Value("allow"), "allow: %q is not the name or the address of a host", host).Hint = "write the host alone, without https:// and without a port"
		}
	}
}

func serverAddress(text string, schemes ...string) bool {
	u, err := url.Parse(text)
	for _, s := range schemes {
		if err == nil && u.Scheme == s && u.Host != "" {
			return true
		}
	}
	return false
}

func isHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil || s != "" && !strings.ContainsAny(s, "/:@ *")
}

// secrets refuses those that the file itself holds: it is made for git. What
// comes from a variable is none, and nor is an address on this machine.
func (v *validator) secrets(c *Channel) {
	at := c.At
	if c.Type == "slack" && secretAddress(at.Written("url")) {
		v.secret(at.Value("url"), "url: the address of a Slack webhook is a secret, and this file is made for git", "${SLACK_URL}")
	}
	if literalPassword(at.Written("url")) {
		v.secret(at.Value("url"), "url: it holds a password, and this file is made for git", "https://user:${PASSWORD}@host/path")
	}
	if literalPassword(at.Written("smtp")) {
		v.secret(at.Value("smtp"), "smtp: it holds a password, and this file is made for git", "smtp://user:${SMTP_PASSWORD}@host:port")
	}
}

// secret adds a problem without the line that it stands on.
func (v *validator) secret(at engine.Text, problem, instead string) {
	at.Excerpt = ""
	v.wrong(at, "%s", problem).Hint = "write \"" + instead + "\" and set the variable; change the secret if the file was ever shared"
}

// secretAddress reports whether an address has a path that only who knows it
// may post to.
func secretAddress(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || hasVariable(text) || strings.Trim(u.Path, "/") == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// literalPassword reports whether an address has a password that is no
// variable. It may have others, so it is not parsed as a whole.
func literalPassword(text string) bool {
	_, rest, _ := strings.Cut(text, "://")
	rest, _, _ = strings.Cut(rest, "/")
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return false
	}
	_, password, has := strings.Cut(rest[:at], ":")
	return has && password != "" && !hasVariable(password)
}

// daily checks when a digest comes.
func (v *validator) daily(c *Channel) {
	if c.Daily == "" && !c.At.Has("daily") || hasVariable(c.Daily) {
		return
	}
	if _, _, err := c.daily(); err != nil {
		v.wrong(c.At.Value("daily"), "daily: %w", err).Hint = "write a time and a time zone: 08:00 Europe/Berlin"
	}
}
