package kinesistest

import (
	"encoding/base64"
	"encoding/json"
	"time"
)

const (
	pageOfShards = 1000
	tokenLives   = 300 * time.Second
)

type listIn struct {
	target
	NextToken               string
	ExclusiveStartShardId   string //nolint:revive,staticcheck // the protocol's name
	MaxResults              int
	StreamCreationTimestamp epoch
	ShardFilter             *shardFilter
}

type shardFilter struct {
	Type      string
	ShardId   string //nolint:revive,staticcheck // the protocol's name
	Timestamp epoch
}

// listToken is what a NextToken holds: the request it goes on with.
type listToken struct {
	Stream string
	Made   int
	After  string
	Max    int
	Filter *shardFilter
	Issued time.Time
}

func (s *Server) listShards(in listIn) (any, error) {
	token := listToken{Stream: in.name(), After: in.ExclusiveStartShardId, Max: in.MaxResults, Filter: in.ShardFilter}
	if in.NextToken != "" {
		if in.name() != "" || in.ShardFilter != nil || in.ExclusiveStartShardId != "" || in.StreamCreationTimestamp != 0 {
			return nil, fail("InvalidArgumentException", "NextToken and the name of the stream cannot be given together.")
		}
		var err error
		if token, err = s.readToken(in.NextToken); err != nil {
			return nil, err
		}
	}
	st := s.streams[token.Stream]
	if st == nil || token.Made != 0 && token.Made != st.made {
		return nil, notFound(token.Stream)
	}
	size := token.Max
	if size <= 0 || size > pageOfShards {
		size = pageOfShards
	}
	now := s.clock.Now()
	var page []map[string]any
	for _, sh := range st.shards {
		if sh.id <= token.After || st.expired(sh, now) || !token.Filter.takes(sh, st.horizon(now)) {
			continue
		}
		if len(page) == size {
			token.Made, token.Issued = st.made, now
			return map[string]any{"Shards": page, "NextToken": token.String()}, nil
		}
		page = append(page, sh.describe())
		token.After = sh.id
	}
	return map[string]any{"Shards": page}, nil
}

func (t listToken) String() string {
	b, _ := json.Marshal(t) //nolint:errchkjson // plain fields
	return base64.StdEncoding.EncodeToString(b)
}

func (s *Server) readToken(text string) (t listToken, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(b, &t) != nil {
		return t, fail("InvalidArgumentException", "NextToken is no token of this service.")
	}
	if s.clock.Now().Sub(t.Issued) > tokenLives {
		return t, fail("ExpiredNextTokenException", "NextToken has expired.")
	}
	return t, nil
}

// takes applies a filter of the API Reference's ShardFilter. horizon is the
// oldest moment of which the stream has anything.
func (f *shardFilter) takes(sh *shard, horizon time.Time) bool {
	if f == nil {
		return true
	}
	at := func(t time.Time) bool {
		return !sh.openedAt.After(t) && (sh.closed == 0 || sh.closedAt.After(t))
	}
	switch f.Type {
	case "AFTER_SHARD_ID":
		return sh.id > f.ShardId
	case "AT_LATEST":
		return sh.closed == 0
	case "AT_TRIM_HORIZON":
		return at(horizon)
	case "AT_TIMESTAMP":
		return at(f.Timestamp.time())
	case "FROM_TIMESTAMP":
		return sh.closed == 0 || !sh.closedAt.Before(f.Timestamp.time())
	}
	return true
}

func (sh *shard) describe() map[string]any {
	numbers := map[string]string{"StartingSequenceNumber": sequence(sh.opened)}
	if sh.closed > 0 {
		numbers["EndingSequenceNumber"] = sequence(sh.closed)
	}
	d := map[string]any{
		"ShardId": sh.id, "SequenceNumberRange": numbers,
		"HashKeyRange": map[string]string{"StartingHashKey": sh.from.String(), "EndingHashKey": sh.to.String()},
	}
	if sh.parent != "" {
		d["ParentShardId"] = sh.parent
	}
	if sh.adjacent != "" {
		d["AdjacentParentShardId"] = sh.adjacent
	}
	return d
}
