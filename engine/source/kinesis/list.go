package kinesis

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// identity tells a stream from an earlier one of its name.
type identity struct {
	arn       string
	created   time.Time
	retention time.Duration
	// asked is the service's time of the answer: the machine's clock may be
	// wrong, and what it is used for is compared with arrival times.
	asked time.Time
}

func (s *Source) describe(ctx context.Context) (identity, error) {
	name, arn := s.config.named()
	out, err := s.client.DescribeStreamSummary(ctx, &sdk.DescribeStreamSummaryInput{StreamName: name, StreamARN: arn})
	if err != nil {
		return identity{}, err
	}
	d := out.StreamDescriptionSummary
	asked, ok := middleware.GetServerTime(out.ResultMetadata)
	if !ok {
		asked = s.config.Clock.Now()
	}
	return identity{
		arn: aws.ToString(d.StreamARN), created: aws.ToTime(d.StreamCreationTimestamp).UTC(),
		retention: time.Duration(aws.ToInt32(d.RetentionPeriodHours)) * time.Hour, asked: asked.UTC(),
	}, nil
}

// shardInfo is what the listing says of a shard.
type shardInfo struct {
	id       string
	parents  []string
	from, to string // hash keys
	closed   bool
}

// list asks for all shards that the service still has, page by page. A token
// that expires on the way begins the listing anew.
func (s *Source) list(ctx context.Context, filter *types.ShardFilter) ([]shardInfo, error) {
	name, arn := s.config.named()
	first := &sdk.ListShardsInput{StreamName: name, StreamARN: arn, ShardFilter: filter}
	var found []shardInfo
	in := first
	for {
		out, err := s.client.ListShards(ctx, in)
		if err != nil {
			if diagnose(err) == expired && in != first {
				in, found = first, nil
				continue
			}
			return nil, err
		}
		for _, sh := range out.Shards {
			found = append(found, describeShard(sh))
		}
		if aws.ToString(out.NextToken) == "" {
			return found, nil
		}
		// The token stands for everything else in the request.
		in = &sdk.ListShardsInput{NextToken: out.NextToken}
	}
}

func describeShard(sh types.Shard) shardInfo {
	info := shardInfo{id: aws.ToString(sh.ShardId)}
	for _, p := range []*string{sh.ParentShardId, sh.AdjacentParentShardId} {
		if aws.ToString(p) != "" {
			info.parents = append(info.parents, *p)
		}
	}
	if r := sh.HashKeyRange; r != nil {
		info.from, info.to = aws.ToString(r.StartingHashKey), aws.ToString(r.EndingHashKey)
	}
	info.closed = sh.SequenceNumberRange != nil && sh.SequenceNumberRange.EndingSequenceNumber != nil
	return info
}

// chosen lists which of all shards a first tail reads: those that have
// records from its start on.
func (s *Source) chosen(ctx context.Context) (func(id string) bool, error) {
	filter := &types.ShardFilter{}
	switch s.config.Start.kind {
	case "latest":
		filter.Type = types.ShardFilterTypeAtLatest
	case "at":
		filter.Type, filter.Timestamp = types.ShardFilterTypeFromTimestamp, aws.Time(s.config.Start.at)
	default:
		return func(string) bool { return true }, nil
	}
	some, err := s.list(ctx, filter)
	if err != nil {
		return nil, err
	}
	return func(id string) bool {
		return slices.ContainsFunc(some, func(i shardInfo) bool { return i.id == id })
	}, nil
}
