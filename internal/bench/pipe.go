package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // drop
	"github.com/redpanda-data/benthos/v4/public/service"
)

// pages reads the stream of an endpoint for Connect's engine, whose own input
// for Kinesis is not in the module: a shard after the other, a page a batch.
type pages struct {
	client *kinesis.Client
	shards []types.Shard
	at     *string
}

func (p *pages) Connect(ctx context.Context) error {
	out, err := p.client.ListShards(ctx, &kinesis.ListShardsInput{StreamName: aws.String("app")})
	if err == nil {
		p.shards = out.Shards
	}
	return err
}

func (p *pages) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	for {
		if p.at == nil {
			if len(p.shards) == 0 {
				return nil, nil, service.ErrEndOfInput
			}
			out, err := p.client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{StreamName: aws.String("app"), ShardId: p.shards[0].ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
			if err != nil {
				return nil, nil, err
			}
			p.shards, p.at = p.shards[1:], out.ShardIterator
		}
		out, err := p.client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: p.at})
		if err != nil {
			return nil, nil, err
		}
		if p.at = out.NextShardIterator; len(out.Records) == 0 {
			p.at = nil // the stream has no more
			continue
		}
		batch := make(service.MessageBatch, len(out.Records))
		for i, r := range out.Records {
			batch[i] = service.NewMessage(r.Data)
		}
		return batch, func(context.Context, error) error { return nil }, nil
	}
}

func (p *pages) Close(context.Context) error { return nil }

// minutes parses records, and counts them by the minute of their event time.
type minutes struct {
	mu    sync.Mutex
	count map[int64]int64
}

func (m *minutes) ProcessBatch(_ context.Context, batch service.MessageBatch) ([]service.MessageBatch, error) {
	own := map[int64]int64{}
	for _, msg := range batch {
		v, err := msg.AsStructured()
		if err != nil {
			return nil, err
		}
		record, _ := v.(map[string]any)
		text, _ := record["ts"].(string)
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, err
		}
		own[at.Unix()/60]++
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for minute, n := range own {
		m.count[minute] += n
	}
	return nil, nil // nothing goes on
}

func (m *minutes) Close(context.Context) error { return nil }

// pipe is the process that runs Connect's engine over a stream.
func (b *bench) pipe(url string) error {
	want, err := strconv.ParseInt(os.Getenv("TIDEMARK_BENCH_RECORDS"), 10, 64)
	if err != nil {
		return err
	}
	client := kinesis.New(kinesis.Options{BaseEndpoint: aws.String(url), Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")})
	counted := &minutes{count: map[int64]int64{}}
	env := service.GlobalEnvironment().Clone()
	err = errors.Join(
		env.RegisterBatchInput("stream", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) {
			return &pages{client: client}, nil
		}),
		env.RegisterBatchProcessor("minutes", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Resources) (service.BatchProcessor, error) { return counted, nil }),
	)
	if err != nil {
		return err
	}
	builder := env.NewStreamBuilder()
	if err := builder.SetYAML("input: {stream: {}}\npipeline: {threads: 2, processors: [{minutes: {}}]}\noutput: {drop: {}}\nlogger: {level: \"OFF\"}\nmetrics: {none: {}}\n"); err != nil {
		return err
	}
	s, err := builder.Build()
	if err != nil {
		return err
	}
	began, worked := time.Now(), processorTime()
	if err := s.Run(b.ctx); err != nil {
		return err
	}
	out := spent{Processor: processorTime() - worked, Wall: time.Since(began)}
	for _, n := range counted.count {
		out.Records += n
	}
	if out.Records != want {
		return errors.New("it counted " + strconv.FormatInt(out.Records, 10) + " records")
	}
	out.Peak, out.Last = memoryOf()
	return json.NewEncoder(os.Stdout).Encode(out)
}
