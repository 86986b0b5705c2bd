package workspace

import (
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
)

// Channel is where notifications go. Which keys it may have depends on Type.
type Channel struct {
	At   yamlfile.At
	Name string `yaml:"-"`
	Type string `yaml:"type" enum:"slack|webhook|email|sns|desktop|file" doc:"What kind of channel this is."`

	URL     string            `yaml:"url" doc:"slack, webhook: the address that notifications are posted to."`
	Headers map[string]string `yaml:"headers" doc:"webhook: headers to send along."`

	To   List   `yaml:"to" doc:"email: the addresses."`
	From string `yaml:"from" doc:"email: the sender."`
	SMTP string `yaml:"smtp" doc:"email: the server, smtp://user:password@host:port."`

	Topic    string `yaml:"topic" doc:"sns: the ARN of the topic."`
	Endpoint string `yaml:"endpoint" doc:"sns: another server than that of AWS."`
	Region   string `yaml:"region" doc:"sns: the AWS region."`
	Profile  string `yaml:"profile" doc:"sns: the profile of the AWS configuration files that signs requests."`
	RoleARN  string `yaml:"role_arn" doc:"sns: the role to assume."`

	Match    map[string]string `yaml:"match" doc:"Alarms that come here without being named in notify: those with these labels, group values, rule or severity; * stands for any text. Alarms that name the channel must match, too."`
	Failures bool              `yaml:"failures" doc:"Tidemark's own failures come here: rules that cannot be evaluated, notifications that were given up."`
	Daily    string            `yaml:"daily" doc:"When a digest of the last day comes: 08:00 Europe/Berlin."`

	Allow List `yaml:"allow" doc:"Hosts that may be reached even if they lie on a private or link-local network."`

	Path string `yaml:"path" doc:"file: the file that notifications are appended to, relative to the workspace."`
}

// channelKeys says which keys each type of channel has; those before type it
// cannot do without.
var channelKeys = map[string][]string{
	"slack":   {"url", "type", "allow", "match", "failures", "daily"},
	"webhook": {"url", "type", "headers", "allow", "match", "failures", "daily"},
	"email":   {"to", "smtp", "type", "from", "allow", "match", "failures", "daily"},
	"sns":     {"topic", "type", "endpoint", "region", "profile", "role_arn", "allow", "match", "failures", "daily"},
	"desktop": {"type", "match", "failures", "daily"},
	"file":    {"path", "type", "match", "failures", "daily"},
}

// daily reads when a digest comes: a clock time, and a time zone or UTC.
func (c Channel) daily() (at time.Time, zone *time.Location, err error) {
	clock, place, _ := strings.Cut(c.Daily, " ")
	if at, err = time.Parse("15:04", clock); err != nil {
		return at, nil, fmt.Errorf("%q is no time of the day", clock)
	}
	if zone, err = time.LoadLocation(strings.TrimSpace(place)); err != nil {
		return at, nil, fmt.Errorf("%q is no time zone", strings.TrimSpace(place))
	}
	return at, zone, nil
}

// DailyDue is when the channel's last daily digest was due, if it has one.
func (c Channel) DailyDue(now time.Time) (time.Time, bool) {
	at, zone, err := c.daily()
	if err != nil {
		return now, false
	}
	here := now.In(zone)
	due := time.Date(here.Year(), here.Month(), here.Day(), at.Hour(), at.Minute(), 0, 0, zone)
	if due.After(now) {
		due = due.AddDate(0, 0, -1)
	}
	return due, true
}
