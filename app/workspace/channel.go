package workspace

import "tidemark.dev/tidemark/app/workspace/yamlfile"

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

	Path string `yaml:"path" doc:"file: the file that notifications are appended to, relative to the workspace."`
}

// channelKeys says which keys each type of channel has; those before type it
// cannot do without.
var channelKeys = map[string][]string{
	"slack":   {"url", "type"},
	"webhook": {"url", "type", "headers"},
	"email":   {"to", "smtp", "type", "from"},
	"sns":     {"topic", "type", "endpoint", "region", "profile", "role_arn"},
	"desktop": {"type"},
	"file":    {"path", "type"},
}
