package kinesis

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"tidemark.dev/tidemark/engine"
)

const (
	recordsACall = 10_000
	// smallPage and largePage are what is set aside for an answer before its
	// size is known: the bytes of its records, and half as much for their names
	// and places.
	smallPage = 512 << 10
	largePage = 16 << 20
)

// refusedError ends the reading of one shard.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }

// reader reads one shard to its end.
type reader struct {
	*tail
	run      *shardRun
	pace     pace
	iterator *string
	hashes   hashRange
	page     int64 // bytes to set aside for the next answer
}

// read reads a shard until it ends (nil), the stream is gone (errGone), the
// service refuses for good (*refusedError), or sink or ctx end it.
func (t *tail) read(ctx context.Context, run *shardRun) error {
	if t.config.FanOut != "" {
		return t.subscribe(ctx, run)
	}
	r := &reader{tail: t, run: run, pace: pace{config: t.config}, hashes: newHashRange(run.shardInfo), page: smallPage}
	for {
		if err := r.pace.wait(ctx); err != nil {
			return err
		}
		ended, err := r.once(ctx)
		if err != nil {
			if err = r.recover(ctx, err); errors.Is(err, errExpired) {
				return nil
			} else if err != nil {
				return err
			}
			continue
		}
		if ended {
			return nil
		}
	}
}

// sinkError came from whoever takes the records, not from the service.
type sinkError struct{ error }

func (e *sinkError) Unwrap() error { return e.error }

// once makes one call and hands on what it brought.
func (r *reader) once(ctx context.Context) (ended bool, err error) {
	if r.iterator == nil {
		if err := r.position(ctx); err != nil {
			return false, err
		}
	}
	held := r.page
	if err := r.room.Acquire(ctx, held); err != nil {
		return false, err
	}
	defer r.room.Release(held)
	answer := r.pages.take()
	defer r.pages.free(answer)
	if err := r.getRecords(ctx, r.iterator, answer); err != nil {
		return false, err
	}
	p := &answer.page
	r.page = min(max(smallPage, int64(p.size)*3/2), largePage)
	if p.behind > 0 {
		r.page = largePage
	}
	r.iterator = p.next
	r.pace.called(p.size, p.behind > 0)
	return r.iterator == nil, r.hand(ctx, p.records, p.behind, r.iterator == nil, answer)
}

// hand gives records to the sink, which may change them. Those the shard gave
// before are left out.
func (r *reader) hand(ctx context.Context, records []engine.Arrival, behind time.Duration, ended bool, room *scratch) error {
	a := engine.Arrivals{Behind: behind, Spare: &room.spare}
	cp := r.run.at
	repeated, bytes, several := int64(0), int64(0), false
	a.Records = records[:0]
	for i := range records {
		rec := &records[i]
		if !after(rec.Sequence, cp.Sequence) {
			repeated++
			continue
		}
		cp.Sequence, cp.Arrival = rec.Sequence, rec.Time
		bytes += int64(len(rec.Data))
		several = several || rec.Packed
		if n := len(a.Records); n == i {
			a.Records = records[:n+1] // it stays where it is
		} else {
			a.Records = append(a.Records, *rec)
		}
	}
	outside := int64(0)
	if several {
		a.Records, outside = r.unpack(room.arrivals[:0], a.Records)
		defer func() {
			clear(a.Records)
			room.arrivals = a.Records[:0]
		}()
	}
	cp.Ended, cp.Sequence = ended, strings.Clone(cp.Sequence) // without those of the whole page
	a.Checkpoint = cp
	if r.run.gap != nil && (len(a.Records) > 0 || ended) {
		a.Gap = r.run.gap
		if len(a.Records) > 0 {
			a.Gap.To = a.Records[0].Time
		}
	}
	if len(a.Records) > 0 || ended || a.Gap != nil {
		if err := r.sink(ctx, a); err != nil {
			return &sinkError{err}
		}
		r.run.gap = nil
	}
	r.run.at = cp
	r.note(r.run.id, func(st *engine.ShardState) {
		st.State, st.Why = "reading", ""
		st.Behind = behind.Milliseconds()
		st.Records += int64(len(a.Records))
		st.Bytes += bytes
		st.Repeated += repeated
		st.OutOfRange += outside
		st.LastArrival, st.SequenceAfter = cp.Arrival, cp.Sequence
		st.LastRead = r.config.Clock.Now()
	})
	return nil
}

// unpack adds what some records stand for, and counts those that their producer
// should have put elsewhere.
func (r *reader) unpack(to, records []engine.Arrival) (all []engine.Arrival, outside int64) {
	for _, rec := range records {
		inside, ok := unpack(rec.Data)
		if !ok {
			rec.Packed = false
			to = append(to, rec)
			continue
		}
		for i, p := range inside {
			x := engine.Arrival{
				Data: p.data, Sequence: rec.Sequence, Sub: i, Packed: true, Key: p.key, Time: rec.Time,
				OutOfRange: p.broken == "" && !r.hashes.holds(p), Broken: p.broken,
			}
			if x.OutOfRange {
				outside++
			}
			to = append(to, x)
		}
	}
	return to, outside
}

// after compares sequence numbers: decimal numbers of any length.
func after(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

// position asks for an iterator where the shard was left. One that the service
// does not know any more begins with the oldest record, and leaves a gap.
func (r *reader) position(ctx context.Context) error {
	at := r.run.at
	name, arn := r.config.named() // older endpoints know names alone
	in := &sdk.GetShardIteratorInput{StreamName: name, StreamARN: arn, ShardId: aws.String(r.run.id)}
	switch {
	case at.Sequence != "":
		in.ShardIteratorType, in.StartingSequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, aws.String(at.Sequence)
	case !at.Since.IsZero():
		in.ShardIteratorType, in.Timestamp = types.ShardIteratorTypeAtTimestamp, aws.Time(at.Since)
	default:
		in.ShardIteratorType = types.ShardIteratorTypeTrimHorizon
	}
	out, err := r.client.GetShardIterator(ctx, in)
	if err == nil {
		r.iterator = out.ShardIterator
		return nil
	}
	if at.Sequence != "" && diagnose(err) == badPosition {
		r.run.gap = &engine.Gap{From: at.Arrival, Reason: "the stream no longer keeps the records after the last one read"}
		r.run.at.Since = time.Time{}
		in.ShardIteratorType, in.StartingSequenceNumber = types.ShardIteratorTypeTrimHorizon, nil
		if out, err = r.client.GetShardIterator(ctx, in); err == nil {
			r.iterator = out.ShardIterator
		}
	}
	return err
}

// recover decides how to go on after a failed call: nil to try again.
func (r *reader) recover(ctx context.Context, err error) error {
	if s, ok := err.(*sinkError); ok { //nolint:errorlint // made one line above its return
		return s.error
	}
	what := diagnose(err)
	switch what {
	case canceled:
		if ctx.Err() != nil {
			return r.config.explain("read", err)
		}
	case gone:
		return r.missing(ctx)
	case refused:
		return &refusedError{r.config.explain("read shard "+r.run.id+" of", err)}
	case expired:
		r.iterator = nil
		r.note(r.run.id, func(st *engine.ShardState) { st.Refreshes++ })
		return nil
	case badPosition:
		r.iterator = nil
	}
	r.pace.failed(what == throttled)
	r.note(r.run.id, func(st *engine.ShardState) {
		switch what {
		case throttled:
			st.Throttles++
		case locked:
			st.State, st.Why = "paused", r.config.explain("read", err).Error()
		default:
			st.Why = said(err)
		}
	})
	return nil
}

// missing finds out what is not there: the shard, or the whole stream.
func (r *reader) missing(ctx context.Context) error {
	now, err := r.describe(ctx)
	switch {
	case err != nil && diagnose(err) == gone, err == nil && !now.created.Equal(r.id.created):
		return errGone
	case err != nil:
		r.pace.failed(false)
		return nil
	}
	cp := r.run.at
	cp.Ended = true
	gap := &engine.Gap{From: cp.Arrival, Reason: "the shard expired before it was read to its end"}
	if err := r.sink(ctx, engine.Arrivals{Checkpoint: cp, Gap: gap}); err != nil {
		return err
	}
	return errExpired
}

// errExpired says that a shard is not there any more, and that this is known.
var errExpired = errors.New("the shard has expired")
