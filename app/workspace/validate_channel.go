package workspace

import (
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
	v.role(c.At.Value("role_arn"), c.RoleARN)
	for key, value := range map[string]string{"url": c.URL, "smtp": c.SMTP, "topic": c.Topic, "path": c.Path, "to": strings.Join(c.To, "")} {
		if c.At.Has(key) {
			v.notEmpty(c.At.Value(key), key, value)
		}
	}
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

// daily checks when a digest comes.
func (v *validator) daily(c *Channel) {
	if c.Daily == "" && !c.At.Has("daily") || hasVariable(c.Daily) {
		return
	}
	if _, _, err := c.daily(); err != nil {
		v.wrong(c.At.Value("daily"), "daily: %w", err).Hint = "write a time and a time zone: 08:00 Europe/Berlin"
	}
}
