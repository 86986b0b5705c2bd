package server

import (
	"context"

	"tidemark.dev/tidemark/engine/store"
)

// RetriedNotices says how many notifications will be tried again.
type RetriedNotices struct {
	Retried int64 `json:"retried"`
}

// TestInput names a channel.
type TestInput struct {
	Channel string `json:"channel"`
}

// ChannelInfo is a channel without what is secret in it.
type ChannelInfo struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	Match    map[string]string `json:"match" doc:"Alarms with these labels come here without being sent by name."`
	Failures bool              `json:"failures" doc:"Whether Tidemark's own failures come here."`
	Daily    string            `json:"daily" doc:"When a digest of the last day comes; empty is never."`
}

func (s *Server) listChannels(context.Context, *struct{}) ([]ChannelInfo, error) {
	out := []ChannelInfo{}
	for _, c := range s.bench.Current().Config.Channels {
		match := c.Value.Match
		if match == nil {
			match = map[string]string{}
		}
		out = append(out, ChannelInfo{c.Key.Value, c.Value.Type, match, c.Value.Failures, c.Value.Daily})
	}
	return out, nil
}

func (s *Server) notifyAPI() {
	handle(s, "GET", "/channels", "listChannels", "Where notifications can go", s.listChannels)
	handle(s, "GET", "/notifications", "listNotifications", "What was sent, waits or was given up, newest first", func(ctx context.Context, in *struct {
		State string `query:"state" enum:"pending,sent,suppressed,dead"`
		Limit int    `query:"limit" minimum:"1" maximum:"10000" default:"500"`
	},
	) ([]store.Notification, error) {
		return s.bench.Store.Notifications(ctx, in.State, in.Limit)
	})
	handle(s, "POST", "/notifications/{id}/retry", "retryNotification", "Try one again that was given up", func(ctx context.Context, in *struct {
		ID int64 `path:"id" minimum:"1"`
	},
	) (RetriedNotices, error) {
		n, err := s.bench.RetryNotices(ctx, in.ID)
		return RetriedNotices{n}, err
	})
	handle(s, "POST", "/notifications/test", "testChannel", "Send a message to a channel now", func(ctx context.Context, in *struct{ Body TestInput }) (Nothing, error) {
		return Nothing{}, s.bench.TestChannel(ctx, in.Body.Channel)
	})
	handle(s, "GET", "/silences", "listSilences", "Silences that are not over", func(ctx context.Context, _ *struct{}) ([]store.Silence, error) {
		return s.bench.Silences(ctx)
	})
	handle(s, "POST", "/silences", "addSilence", "Keep notifications back for a time", func(ctx context.Context, in *struct{ Body store.Silence }) (store.Silence, error) {
		return s.bench.Silence(ctx, in.Body)
	})
	handle(s, "DELETE", "/silences/{id}", "endSilence", "End a silence now", func(ctx context.Context, in *incidentInput) (Nothing, error) {
		return Nothing{}, s.bench.EndSilence(ctx, in.ID)
	})
}
