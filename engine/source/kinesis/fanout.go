package kinesis

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"tidemark.dev/tidemark/engine"
)

// subscribe reads a shard through a registered consumer. A subscription lasts
// five minutes; the next one goes on after the last record.
func (t *tail) subscribe(ctx context.Context, run *shardRun) error {
	r := &reader{tail: t, run: run, pace: pace{config: t.config}, hashes: newHashRange(run.shardInfo)}
	// A client of its own: two subscriptions of one client write to the same
	// decoder (aws-sdk-go-v2/service/kinesis v1.56.11, found by the race
	// detector).
	client, err := connect(ctx, t.config)
	if err != nil {
		return err
	}
	for {
		if err := r.pace.wait(ctx); err != nil {
			return err
		}
		ended, err := r.subscription(ctx, client)
		switch {
		case err != nil:
			if err = r.recover(ctx, err); errors.Is(err, errExpired) {
				return nil
			} else if err != nil {
				return err
			}
		case ended:
			return nil
		}
	}
}

// consumerARN finds the consumer by its name. Registering one changes the
// account, so that is left to the person.
func (s *Source) consumerARN(ctx context.Context, stream string) (*string, error) {
	out, err := s.client.DescribeStreamConsumer(ctx, &sdk.DescribeStreamConsumerInput{StreamARN: aws.String(stream), ConsumerName: aws.String(s.config.FanOut)})
	if err != nil {
		if diagnose(err) == gone {
			return nil, &refusedError{s.config.explain("find consumer "+s.config.FanOut+" of", err)}
		}
		return nil, err
	}
	return out.ConsumerDescription.ConsumerARN, nil
}

func (r *reader) subscription(ctx context.Context, client *sdk.Client) (ended bool, err error) {
	consumer, err := r.consumerARN(ctx, r.id.arn)
	if err != nil {
		return false, err
	}
	out, err := client.SubscribeToShard(ctx, &sdk.SubscribeToShardInput{ConsumerARN: consumer, ShardId: aws.String(r.run.id), StartingPosition: r.from()})
	if err != nil {
		return false, err
	}
	stream := out.GetStream()
	defer func() { _ = stream.Close() }()
	var room scratch
	for e := range stream.Events() {
		page, ok := e.(*types.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
		if !ok {
			continue
		}
		last := page.Value.ContinuationSequenceNumber == nil
		behind := time.Duration(aws.ToInt64(page.Value.MillisBehindLatest)) * time.Millisecond
		if err := r.hand(ctx, arrivalsOf(page.Value.Records), behind, last, &room); err != nil {
			return false, err
		}
		if last {
			return true, nil
		}
	}
	if err := stream.Err(); err != nil {
		return false, err
	}
	r.pace.called(0, false)
	return false, ctx.Err()
}

func arrivalsOf(list []types.Record) []engine.Arrival {
	out := make([]engine.Arrival, len(list))
	for i, rec := range list {
		out[i] = engine.Arrival{
			Data: rec.Data, Packed: looksPacked(rec.Data), Sequence: aws.ToString(rec.SequenceNumber),
			Key: aws.ToString(rec.PartitionKey), Time: aws.ToTime(rec.ApproximateArrivalTimestamp).UTC(),
		}
	}
	return out
}

// from is where a subscription begins.
func (r *reader) from() *types.StartingPosition {
	switch at := r.run.at; {
	case at.Sequence != "":
		return &types.StartingPosition{Type: types.ShardIteratorTypeAfterSequenceNumber, SequenceNumber: aws.String(at.Sequence)}
	case !at.Since.IsZero():
		return &types.StartingPosition{Type: types.ShardIteratorTypeAtTimestamp, Timestamp: aws.Time(at.Since)}
	}
	return &types.StartingPosition{Type: types.ShardIteratorTypeTrimHorizon}
}
