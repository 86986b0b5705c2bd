package notify

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/slack-go/slack"

	"tidemark.dev/tidemark/engine"
)

// slackChannel posts messages to an incoming webhook of Slack.
type slackChannel struct {
	Config
	opt Options
}

// slackText is how much text a block of Slack takes.
const slackText = 2900

func (s *slackChannel) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(slackMessage(m))
	if err != nil {
		return engine.Errorf(engine.Invalid, "notify "+s.Name, "%w", err)
	}
	return s.opt.post(ctx, s.URL, s.Allow, string(body), nil)
}

// slackMessage writes a message in Slack's blocks. Text from data is plain
// text there, so that it can mention nobody.
func slackMessage(m Message) *slack.WebhookMessage {
	plain := func(s string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, cut(s, slackText), false, false)
	}
	blocks := []slack.Block{slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, cut(m.Title, 150), false, false))}
	if m.Text != "" {
		blocks = append(blocks, slack.NewSectionBlock(plain(m.Text), nil, nil))
	}
	blocks = append(blocks, slackDigest(m)...)
	var facts []slack.MixedElement
	for _, f := range m.facts() {
		facts = append(facts, plain(f[0]+": "+f[1]))
	}
	if more := m.more(); m.Link != "" {
		// Only this is markup, and nothing of it comes from data.
		facts = append(facts, slack.NewTextBlockObject(slack.MarkdownType, "<"+m.Link+"|Open in Tidemark>", false, false))
	} else if more != "" {
		facts = append(facts, plain("More: "+more))
	}
	if len(facts) > 0 {
		blocks = append(blocks, slack.NewContextBlock("", facts...))
	}
	return &slack.WebhookMessage{Text: escapeSlack(cut(m.Title, slackText)), Blocks: &slack.Blocks{BlockSet: blocks}}
}

// slackDigest writes what a digest names, in as many blocks as its text takes:
// Slack refuses long ones.
func slackDigest(m Message) (blocks []slack.Block) {
	list, left := m.shares()
	lines := make([]string, 0, len(list)+1)
	for _, s := range list {
		lines = append(lines, cut(s.Line(), slackText/4))
	}
	if left > 0 {
		lines = append(lines, leftOut(left))
	}
	for len(lines) > 0 {
		n, size := 0, 0
		for n < len(lines) && size+len([]rune(lines[n]))+1 <= slackText {
			size += len([]rune(lines[n])) + 1
			n++
		}
		text := slack.NewTextBlockObject(slack.PlainTextType, strings.Join(lines[:n], "\n"), false, false)
		blocks = append(blocks, slack.NewSectionBlock(text, nil, nil))
		lines = lines[n:]
	}
	return blocks
}

// cut shortens text and says so.
func cut(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

func escapeSlack(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
