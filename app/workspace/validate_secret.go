package workspace

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// secrets refuses those that the file itself holds: it is made for git. What
// comes from a variable is none, and nor is an address on this machine.
func (v *validator) secrets(c *Channel) {
	at := c.At
	if c.Type == "slack" && secretAddress(at.Written("url")) {
		v.secret(at, "url", "url: the address of a Slack webhook is a secret, and this file is made for git", "${SLACK_URL}")
	}
	if literalPassword(at.Written("url")) {
		v.secret(at, "url", "url: it holds a password, and this file is made for git", "https://user:${PASSWORD}@host/path")
	}
	if name := secretParameter(at.Written("url")); name != "" {
		v.secret(at, "url", "url: it holds a secret, "+name+", and this file is made for git", "https://host/path?"+name+"=${TOKEN}")
	}
	if literalPassword(at.Written("smtp")) {
		v.secret(at, "smtp", "smtp: it holds a password, and this file is made for git", "smtp://user:${SMTP_PASSWORD}@host:port")
	}
	v.secretHeaders(at.Within("headers"))
}

// secretHeaders refuses headers by which a server knows who is asking.
func (v *validator) secretHeaders(at yamlfile.At) {
	names := at.Keys()
	slices.Sort(names)
	for _, name := range names {
		written := at.Written(name)
		scheme, rest, _ := strings.Cut(written, " ")
		credentials := slices.Contains([]string{"bearer", "basic", "token", "apikey"}, strings.ToLower(scheme)) && rest != ""
		switch {
		case written == "" || hasVariable(written):
		case credentials:
			v.secret(at, name, "headers: "+name+" is a secret, and this file is made for git", scheme+" ${TOKEN}")
		case secretName.MatchString(name):
			v.secret(at, name, "headers: "+name+" is a secret, and this file is made for git", "${TOKEN}")
		}
	}
}

// secretName finds the names of headers and parameters whose values are kept
// secret: Authorization, X-Api-Key, Cookie, access_token.
var secretName = regexp.MustCompile(`(?i)(^|[-_])(authorization|auth|cookie|credentials?|passwd|pwd|signature|sig)$|(token|secret|password)$|(api|access|secret|private|auth)[-_]?key$|^key$`)

// secretParameter is the first parameter of an address that is a secret and no
// variable; "" if there is none.
func secretParameter(text string) string {
	_, query, _ := strings.Cut(text, "?")
	query, _, _ = strings.Cut(query, "#")
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if value != "" && !hasVariable(value) && secretName.MatchString(name) {
			return name
		}
	}
	return ""
}

// secret adds a problem with the value of a key, without the value and whatever
// else stands on its line.
func (v *validator) secret(at yamlfile.At, key, problem, instead string) {
	value := at.Value(key)
	value.Excerpt = maskedLine(at.Key(key), value)
	v.wrong(value, "%s", problem).Hint = "write \"" + instead + "\" and set the variable; change the secret if the file was ever shared"
}

// maskedLine is the line of a value with nothing but its key; "" where they
// stand on different lines.
func maskedLine(key, value engine.Text) string {
	gap := value.Column - key.Column - len([]rune(key.Value))
	if key.Line != value.Line || gap < 1 {
		return ""
	}
	return strings.Repeat(" ", key.Column-1) + key.Value + ":" + strings.Repeat(" ", gap-1) + "…"
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
