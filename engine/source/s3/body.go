package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"tidemark.dev/tidemark/engine"
)

// progress is how many bytes must arrive for a broken download to be worth all
// its attempts again.
const progress = 1 << 20

// errStalled is why a download that stands still is ended.
var errStalled = errors.New("nothing came for too long")

// Open gives the bytes of an object exactly as stored, compressed if it is. It
// fails with Conflict if they are not those that were listed. A download that
// breaks or stands still is taken up where it stopped. The bytes of one that
// came in one piece have been checked against the server's checksum, if it has
// one, when the reader ends with io.EOF.
func (s *Source) Open(ctx context.Context, o engine.Object) (io.ReadCloser, error) {
	return s.download(&body{source: s, ctx: ctx, object: o, end: o.Size})
}

// OpenRange gives n bytes of the object from offset on, as Open gives all: it
// fails with Conflict if the object is not the one that was listed, and takes
// up a download that breaks.
func (s *Source) OpenRange(ctx context.Context, o engine.Object, offset, n int64) (io.ReadCloser, error) {
	if offset < 0 || n <= 0 || offset > o.Size-n {
		return nil, engine.Errorf(engine.Invalid, "read "+o.URL, "it has %d bytes, not %d from byte %d on", o.Size, n, offset)
	}
	return s.download(&body{source: s, ctx: ctx, object: o, at: offset, moved: offset, end: offset + n})
}

func (s *Source) download(b *body) (io.ReadCloser, error) {
	if err := b.connect(); err != nil {
		return nil, err
	}
	return b, nil
}

// body is the download of one object, or of a part of it.
type body struct {
	source *Source
	ctx    context.Context
	object engine.Object

	stream io.ReadCloser
	at     int64 // the byte that is read next
	end    int64 // the byte that is not wanted any more
	// breaks counts the breaks since the download last made progress, at byte
	// moved.
	breaks int
	moved  int64

	// attempt is the context of the current request, which stall ends.
	attempt context.Context
	cancel  context.CancelCauseFunc
	stall   *time.Timer
	closed  bool
}

func (b *body) Read(p []byte) (int, error) {
	for {
		if b.closed {
			return 0, b.source.failure(b.ctx, b.op(), fs.ErrClosed)
		}
		if b.stream == nil {
			if err := b.connect(); err != nil {
				return 0, err
			}
		}
		n, err := b.receive(p)
		switch {
		case b.at > b.end:
			return 0, b.changed()
		case err == nil:
			return n, nil
		case b.at == b.end && errors.Is(err, io.EOF):
			return n, io.EOF
		case b.at == b.end:
			return n, b.damaged(err)
		}
		if err := b.broken(err); err != nil || n > 0 {
			return n, err
		}
	}
}

// receive reads from the stream unless it stands still for too long.
func (b *body) receive(p []byte) (int, error) {
	b.stall.Reset(b.source.config.Stall)
	n, err := b.stream.Read(p)
	b.stall.Stop()
	b.at += int64(n)
	b.source.fetched.Add(int64(n))
	if b.at-b.moved >= progress {
		b.breaks, b.moved = 0, b.at
	}
	return n, err
}

// Close ends the download.
func (b *body) Close() error {
	b.closed = true
	b.disconnect()
	return nil
}

func (b *body) disconnect() {
	if b.cancel != nil {
		b.stall.Stop()
		b.cancel(nil)
		b.cancel = nil
	}
	if b.stream != nil {
		b.stream.Close() // its error concerns bytes that nobody wants any more
		b.stream = nil
	}
}

// broken waits before the next attempt, or gives up.
func (b *body) broken(cause error) error {
	if b.attempt.Err() != nil {
		cause = context.Cause(b.attempt)
	}
	b.disconnect()
	b.breaks++
	if b.breaks >= b.source.config.Retry.Attempts {
		return b.source.failure(b.ctx, b.op(), &brokenError{b.breaks, b.at, b.end, cause})
	}
	if err := b.source.config.Retry.wait(b.ctx, b.breaks-1); err != nil {
		return b.source.failure(b.ctx, b.op(), err)
	}
	return nil
}

// connect asks for the bytes from b.at on.
func (b *body) connect() error {
	ctx, cancel := context.WithCancelCause(b.ctx)
	out, err := b.source.client.GetObject(ctx, b.request())
	if err != nil {
		cancel(nil)
		return b.source.failure(b.ctx, b.op(), err)
	}
	b.attempt, b.cancel, b.stream = ctx, cancel, out.Body
	b.stall = time.AfterFunc(b.source.config.Stall, func() { cancel(errStalled) })
	b.stall.Stop() // it runs while somebody reads
	if err := b.check(out); err != nil {
		b.disconnect()
		return err
	}
	return nil
}

func (b *body) request() *sdk.GetObjectInput {
	in := &sdk.GetObjectInput{Bucket: &b.source.bucket, Key: &b.object.Key}
	// A weak ETag never matches, by the rules of HTTP; check compares it.
	if etag := b.object.ETag; etag != dated(b.object) && !strings.HasPrefix(etag, "W/") {
		in.IfMatch = aws.String(`"` + etag + `"`)
	}
	switch {
	case b.end < b.object.Size:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", b.at, b.end-1))
	case b.at > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", b.at))
	}
	return in
}

// check makes sure that an answer holds the listed bytes from b.at on, also
// from a server that does not know If-Match or Range.
func (b *body) check(out *sdk.GetObjectOutput) error {
	if b.stands(out) != b.object.ETag {
		return b.changed()
	}
	if total, ok := b.total(out); ok && total != b.object.Size {
		return b.changed()
	}
	if !b.ranged() || b.continues(out) {
		return nil
	}
	if err := b.skip(); err != nil {
		return err
	}
	// All that is left of the object comes, and only a part of it is wanted.
	b.stream = &part{b.stream, b.end - b.at}
	return nil
}

// ranged reports whether only a part was asked for.
func (b *body) ranged() bool { return b.at > 0 || b.end < b.object.Size }

// total is how long an answer says that the whole object is.
func (b *body) total(out *sdk.GetObjectOutput) (n int64, ok bool) {
	_, text, _ := strings.Cut(aws.ToString(out.ContentRange), "/")
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// part is a stream that ends early.
type part struct {
	io.ReadCloser
	left int64
}

func (p *part) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, io.EOF
	}
	n, err := p.ReadCloser.Read(b[:min(int64(len(b)), p.left)])
	p.left -= int64(n)
	return n, err
}

// continues reports whether an answer begins at b.at, rather than at 0.
func (b *body) continues(out *sdk.GetObjectOutput) bool {
	return strings.HasPrefix(aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-", b.at))
}

// stands is the ETag of an answer, as a listing would give it.
func (b *body) stands(out *sdk.GetObjectOutput) string {
	if etag := plainETag(out.ETag); etag != "" {
		return etag
	}
	now := engine.Object{Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)}
	if total, ok := b.total(out); ok {
		now.Size = total
	} else if b.continues(out) {
		now.Size += b.at
	}
	return dated(now)
}

// skip reads past the bytes that a server sent again.
func (b *body) skip() error {
	want := b.at
	b.at = 0
	buffer := make([]byte, 64<<10)
	for b.at < want {
		if _, err := b.receive(buffer[:min(int64(len(buffer)), want-b.at)]); err != nil {
			b.at = want
			return b.source.failure(b.ctx, b.op(), err)
		}
	}
	return nil
}

func (b *body) op() string { return "read " + b.object.URL }

func (b *body) changed() error {
	return engine.Errorf(engine.Conflict, b.op(), "the object has changed since it was listed").WithHint("pull again")
}

func (b *body) damaged(err error) error {
	return engine.Errorf(engine.Unavailable, b.op(), "the bytes do not match the server's checksum: %w", err).
		WithHint("pull again; if it stays so, the object or the way to it is damaged")
}
