package s3

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/glob"
)

// List yields the objects in key order, a page of the listing at a time; a
// directory bucket of S3 Express lists in an order of its own. A prefix that
// takes nothing is NotFound.
func (s *Source) List(ctx context.Context, yield func(engine.Object) bool) error {
	found, more := false, true
	take := func(listed types.Object) bool {
		o := s.object(listed)
		if !s.prefix.Takes(o.Key) {
			return true
		}
		found = true
		more = yield(o)
		return more
	}
	prefix := s.prefix.Prefix()
	if s.named() { // the object of that name sorts before all beneath it
		if err := s.exact(ctx, prefix, take); err != nil || !more {
			return err
		}
		prefix += "/"
	}
	if err := s.pages(ctx, prefix, take); err != nil || !more {
		return err
	}
	if !found {
		return s.nothing(ctx)
	}
	return nil
}

// named reports whether the prefix may be the name of one object.
func (s *Source) named() bool {
	prefix := s.prefix.Prefix()
	return s.prefix.Literal() && prefix != "" && !strings.HasSuffix(prefix, "/")
}

// exact takes the object called key, if there is one. A listing says whether
// without needing another permission than the listing that follows.
func (s *Source) exact(ctx context.Context, key string, take func(types.Object) bool) error {
	page, err := s.page(ctx, &sdk.ListObjectsV2Input{Prefix: &key, MaxKeys: aws.Int32(1)})
	if err != nil {
		return err
	}
	if len(page.Contents) > 0 && aws.ToString(page.Contents[0].Key) == key {
		take(page.Contents[0])
	}
	return nil
}

// pages takes all objects that begin with a prefix, until take says no.
func (s *Source) pages(ctx context.Context, prefix string, take func(types.Object) bool) error {
	in := &sdk.ListObjectsV2Input{Prefix: &prefix}
	if s.config.PageSize > 0 {
		in.MaxKeys = &s.config.PageSize
	}
	told := map[string]bool{} // where pages went on
	for {
		page, err := s.page(ctx, in)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if err := ctx.Err(); err != nil {
				return s.failure(ctx, s.listing(), err)
			}
			if !take(o) {
				return nil
			}
		}
		next := aws.ToString(page.NextContinuationToken)
		if !aws.ToBool(page.IsTruncated) || next == "" {
			return nil
		}
		if told[next] {
			return s.failure(ctx, s.listing(), errRound)
		}
		told[next] = true
		in.ContinuationToken = &next
	}
}

// page asks for one page. Keys are asked for in URL encoding, because XML
// cannot hold all characters that a key can.
func (s *Source) page(ctx context.Context, in *sdk.ListObjectsV2Input) (*sdk.ListObjectsV2Output, error) {
	in.Bucket, in.EncodingType = &s.bucket, types.EncodingTypeUrl
	page, err := s.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, s.failure(ctx, s.listing(), err)
	}
	if page.Name == nil && page.KeyCount == nil { // XML, or HTML, of something else
		return nil, s.failure(ctx, s.listing(), errNotS3)
	}
	if page.EncodingType != types.EncodingTypeUrl {
		return page, nil
	}
	for i := range page.Contents {
		if err := decode(page.Contents[i].Key); err != nil {
			return nil, s.failure(ctx, s.listing(), err)
		}
	}
	for i := range page.CommonPrefixes {
		if err := decode(page.CommonPrefixes[i].Prefix); err != nil {
			return nil, s.failure(ctx, s.listing(), err)
		}
	}
	return page, nil
}

// decode undoes URL encoding.
func decode(key *string) error {
	if key == nil {
		return nil
	}
	plain, err := url.QueryUnescape(*key)
	if err == nil {
		*key = plain
	}
	return err
}

func (s *Source) listing() string { return "list " + s.url(s.prefix.String()) }

func (s *Source) object(o types.Object) engine.Object {
	key := aws.ToString(o.Key)
	made := engine.Object{
		Source: s.config.Name, Key: key, URL: s.url(key), Size: aws.ToInt64(o.Size),
		ETag: plainETag(o.ETag), Modified: aws.ToTime(o.LastModified).UTC(),
	}
	if made.ETag == "" {
		made.ETag = dated(made)
	}
	return made
}

// plainETag takes the quotes off.
func plainETag(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// dated stands in for the ETag of a server that has none for an object. HTTP
// tells times to the second.
func dated(o engine.Object) string { return fmt.Sprintf("%d@%d", o.Size, o.Modified.Unix()) }

// nothing makes the error of a prefix that takes no object, with a hint at
// what there is.
func (s *Source) nothing(ctx context.Context) error {
	err := engine.Errorf(engine.NotFound, s.listing(), "no object matches")
	missing := strings.TrimSuffix(s.prefix.Prefix(), "/")
	if !s.prefix.Literal() {
		missing = strings.TrimSuffix(s.prefix.Dir(), "/")
	}
	names, failed := s.folder(ctx, missing)
	if failed == nil && len(names) > 0 {
		return err.WithHint("%s", glob.Holds(s.url(missing), names))
	}
	for failed == nil && len(names) == 0 && missing != "" {
		above := strings.TrimSuffix(path.Dir("/" + missing)[1:], "/")
		if names, failed = s.folder(ctx, above); len(names) > 0 {
			return err.WithHint("%s", glob.Instead(s.url(missing), s.url(above), names))
		}
		missing = above
	}
	if failed != nil {
		return err.WithHint("check the prefix; the bucket could be reached")
	}
	return err.WithHint("the bucket is empty; check its name, or put objects there")
}

// folder lists the names directly below a prefix, the first of them.
func (s *Source) folder(ctx context.Context, prefix string) ([]string, error) {
	if prefix != "" {
		prefix += "/"
	}
	page, err := s.page(ctx, &sdk.ListObjectsV2Input{Prefix: &prefix, Delimiter: aws.String("/"), MaxKeys: aws.Int32(100)})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range page.CommonPrefixes {
		names = append(names, strings.TrimPrefix(aws.ToString(p.Prefix), prefix))
	}
	for _, o := range page.Contents {
		if name := strings.TrimPrefix(aws.ToString(o.Key), prefix); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}
