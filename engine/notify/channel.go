package notify

import (
	"context"
	"io"
	"net/netip"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Config says where messages go.
type Config struct {
	Name string
	// Outbox tells whose messages these are: keys are unique within it.
	Outbox string
	// Type is slack, webhook, email, sns, desktop or file.
	Type    string
	URL     string
	Headers map[string]string

	To         []string
	From, SMTP string

	Topic, Endpoint, Region, Profile, RoleARN string

	Path string
	// Allow are hosts that may be reached wherever they are: on private and
	// link-local networks, too.
	Allow []string
}

// Options are what channels take from their surroundings.
type Options struct {
	// Timeout bounds one try; zero is ten seconds.
	Timeout time.Duration
	// Internal tells addresses that no server outside may lead to; nil is
	// those of loopbacks, private and link-local networks.
	Internal func(netip.Addr) bool
	// Append opens a file to add to.
	Append func(path string) (io.WriteCloser, error)
	// Show puts something on the screen.
	Show func(title, text string) error
}

// Channel takes messages.
type Channel interface {
	// Send hands a message over once. An error of kind Invalid says that trying
	// again is of no use.
	Send(ctx context.Context, m Message) error
}

// New makes a channel; nothing is contacted yet.
func New(c Config, opt Options) (Channel, error) {
	if opt.Timeout <= 0 {
		opt.Timeout = 10 * time.Second
	}
	if opt.Internal == nil {
		opt.Internal = internal
	}
	switch c.Type {
	case "slack":
		return &slackChannel{c, opt}, nil
	case "webhook":
		return &webhook{c, opt}, nil
	case "email":
		return newEmail(c, opt)
	case "sns":
		return &topic{c, opt}, nil
	case "desktop":
		return &desktop{opt}, nil
	case "file":
		return &file{c, opt}, nil
	}
	return nil, engine.Errorf(engine.Invalid, "notify "+c.Name, "%q is no type of channel", c.Type).
		WithHint("write slack, webhook, email, sns, desktop or file")
}

// MaxAttempts is how often a message is tried before it is given up.
const MaxAttempts = 8

// Backoff is how long to wait after a number of failed attempts: two seconds,
// doubled each time, at most half an hour.
func Backoff(attempts int) time.Duration {
	return min(time.Second<<min(max(attempts, 1), 20), 30*time.Minute)
}

// Final reports whether a failure is not worth another attempt.
func Final(err error, attempts int) bool {
	return engine.KindOf(err) == engine.Invalid || attempts >= MaxAttempts
}
