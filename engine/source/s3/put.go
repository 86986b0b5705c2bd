package s3

import (
	"context"
	"os"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"tidemark.dev/tidemark/engine"
)

// Put writes a file as the object of that name below the source's prefix, with
// a checksum that the server checks, and gives it as it stands there.
func (s *Source) Put(ctx context.Context, name, file string) (engine.Object, error) {
	key := s.below(name)
	op := "write " + s.url(key)
	f, err := os.Open(file)
	if err != nil {
		return engine.Object{}, engine.Errorf(engine.Unavailable, op, "%w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return engine.Object{}, engine.Errorf(engine.Unavailable, op, "%w", err)
	}
	out, err := s.client.PutObject(ctx, &sdk.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: f, ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		return engine.Object{}, s.failure(ctx, op, err)
	}
	return engine.Object{Key: key, URL: s.url(key), ETag: plainETag(out.ETag), Size: info.Size()}, nil
}

// Remove deletes the object of that name below the source's prefix; one that
// is not there is no error.
func (s *Source) Remove(ctx context.Context, name string) error {
	key := s.below(name)
	_, err := s.client.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &s.bucket, Key: aws.String(key)})
	if err != nil {
		return s.failure(ctx, "remove "+s.url(key), err)
	}
	return nil
}

func (s *Source) below(name string) string {
	return strings.TrimPrefix(path.Join(s.prefix.Prefix(), name), "/")
}
