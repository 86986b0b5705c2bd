// Package s3 is the source of objects of a bucket, of AWS or of any server
// that speaks S3.
//
// It owns listing, downloading, taking up a broken download where it broke,
// and telling in plain words why a bucket cannot be reached. What a prefix
// takes is the business of package glob, keeping objects that of package
// cache, and what the bytes mean that of the formats.
package s3

import (
	"context"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/glob"
)

var _ engine.RangeSource = (*Source)(nil)

// Source lists and downloads the objects under a prefix. Its methods may be
// called from several goroutines.
type Source struct {
	config Config
	bucket string
	prefix glob.Pattern
	client *sdk.Client

	requests, fetched atomic.Int64
}

// Stats count what a source has cost so far.
type Stats struct {
	// Requests is how many were sent, repetitions included.
	Requests int64
	// BytesFetched are the bytes of objects received, those that were received
	// again after a break included.
	BytesFetched int64
}

// New makes a source. It reads the AWS configuration of this machine, and
// sends nothing.
func New(ctx context.Context, c Config) (*Source, error) {
	bucket, prefix, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	if c.Endpoint != "" {
		if err := checkEndpoint(c.Endpoint); err != nil {
			return nil, err
		}
	}
	c.Retry = c.Retry.withDefaults()
	if c.Stall <= 0 {
		c.Stall = defaultStall
	}
	s := &Source{config: c, bucket: bucket, prefix: prefix}
	if s.client, err = connect(ctx, c, &s.requests); err != nil {
		return nil, err
	}
	return s, nil
}

// Place names the bucket among all buckets of all servers.
func (s *Source) Place() string {
	return aws.ToString(s.client.Options().BaseEndpoint) + " " + s.bucket
}

// Stats reads the counters.
func (s *Source) Stats() Stats {
	return Stats{Requests: s.requests.Load(), BytesFetched: s.fetched.Load()}
}

// Test reaches the bucket and gives the first objects, at most n.
func (s *Source) Test(ctx context.Context, n int) ([]engine.Object, error) {
	var first []engine.Object
	err := s.List(ctx, func(o engine.Object) bool {
		first = append(first, o)
		return len(first) < n
	})
	return first, err
}

// url is an object, or a prefix, for people.
func (s *Source) url(key string) string { return "s3://" + s.bucket + "/" + key }
