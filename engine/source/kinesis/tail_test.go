package kinesis_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/kinesis"
	"tidemark.dev/tidemark/internal/clocktest"
	"tidemark.dev/tidemark/internal/kinesistest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is an endpoint with one stream, and its clock.
type world struct {
	*kinesistest.Server
	clock *clocktest.Clock
	t     *testing.T
}

func newWorld(t *testing.T, shards int) *world {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	clock := clocktest.New(noon)
	w := &world{kinesistest.New(clock), clock, t}
	t.Cleanup(w.Close)
	w.CreateStream("logs", shards)
	return w
}

// put adds n records that say which they are; keys spread over the shards.
func (w *world) put(from, n int) {
	for i := from; i < from+n; i++ {
		w.Put("logs", fmt.Sprintf("key-%d", i), fmt.Appendf(nil, `{"id":%d}`, i))
	}
}

func (w *world) source(change ...func(*kinesis.Config)) *kinesis.Source {
	w.t.Helper()
	c := kinesis.Config{
		Name: "live", Stream: "logs", Endpoint: w.URL, Region: kinesistest.Region, Start: kinesis.Horizon, Clock: w.clock,
		Jitter: func() float64 { return 0.5 },
		Wait: func(ctx context.Context, d time.Duration) error { // the clock goes as fast as it is waited for
			w.clock.Move(d)
			select {
			case <-time.After(200 * time.Microsecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
	for _, f := range change {
		f(&c)
	}
	s, err := kinesis.New(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// reading is what a sink has taken.
type reading struct {
	mu    sync.Mutex
	seen  map[string]int // data: how often
	order []string       // shards as records came
	at    map[string]engine.Checkpoint
	gaps  []engine.Gap
	all   []engine.Arrival
	grown chan struct{}
	crash func() bool
}

func newReading() *reading {
	return &reading{seen: map[string]int{}, at: map[string]engine.Checkpoint{}, grown: make(chan struct{}, 1)}
}

var errCrash = errors.New("the process died")

func (r *reading) take(_ context.Context, a engine.Arrivals) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.crash != nil && r.crash() {
		return errCrash
	}
	for _, x := range a.Records {
		r.seen[string(x.Data)]++
		r.order = append(r.order, a.Shard)
		r.all = append(r.all, x)
	}
	r.at[a.Created.String()+a.Shard] = a.Checkpoint
	if a.Gap != nil {
		r.gaps = append(r.gaps, *a.Gap)
	}
	select {
	case r.grown <- struct{}{}:
	default:
	}
	return nil
}

func (r *reading) checkpoints() (list []engine.Checkpoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.at {
		list = append(list, c)
	}
	return list
}

func (r *reading) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// until tails until the reading is as wanted.
func (w *world) until(s *kinesis.Source, r *reading, done func() bool) error {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Tail(ctx, r.checkpoints(), r.take) }()
	for !done() {
		select {
		case <-r.grown:
		case err := <-ended:
			return err
		case <-time.After(20 * time.Millisecond): // states change without records too
		}
		if ctx.Err() != nil {
			w.t.Fatalf("not done: %d records, shards %+v", r.count(), s.Shards())
		}
	}
	cancel()
	if err := <-ended; engine.KindOf(err) != engine.Canceled && !errors.Is(err, context.Canceled) {
		w.t.Errorf("the tail ended with %v", err)
	}
	return nil
}

// complete fails unless each of n records came once.
func (w *world) complete(r *reading, n int) {
	w.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) != n {
		w.t.Errorf("%d records, want %d", len(r.seen), n)
	}
	for data, times := range r.seen {
		if times != 1 {
			w.t.Errorf("%s came %d times", data, times)
			return
		}
	}
}

func all(r *reading, n int) func() bool { return func() bool { return r.count() >= n } }

func TestListsEveryShard(t *testing.T) {
	w := newWorld(t, 2300)
	w.Script(&kinesistest.Fault{Op: "ListShards", Skip: 1, Kind: "ExpiredNextTokenException", Message: "NextToken has expired."})
	r, err := w.source().Look(t.Context())
	if err != nil || len(r.Open) != 2300 || r.Retention != 24*time.Hour {
		t.Fatalf("%d shards, %v, %v", len(r.Open), r.Retention, err)
	}
	if got := w.Calls("ListShards"); got != 5 { // one page, an expired token, three pages
		t.Errorf("%d listings", got)
	}
}

func TestReadsAcrossReshards(t *testing.T) {
	w := newWorld(t, 2)
	w.put(0, 200)
	w.Split("logs", "shardId-000000000000")
	w.put(200, 200)
	w.Merge("logs", "shardId-000000000003", "shardId-000000000001") // neighbours of different ages
	w.put(400, 200)
	r := newReading()
	if err := w.until(w.source(), r, all(r, 600)); err != nil {
		t.Fatal(err)
	}
	w.complete(r, 600)
	first, last := map[string]int{}, map[string]int{}
	for i, sh := range r.order {
		if _, ok := first[sh]; !ok {
			first[sh] = i
		}
		last[sh] = i
	}
	for child, parents := range map[string][]string{
		"shardId-000000000002": {"shardId-000000000000"},
		"shardId-000000000003": {"shardId-000000000000"},
		"shardId-000000000004": {"shardId-000000000001", "shardId-000000000003"},
	} {
		for _, p := range parents {
			if last[p] > first[child] {
				t.Errorf("%s began before its parent %s ended", child, p)
			}
		}
	}
}

// TestLatestReadsChildrenFromTheirBeginning: a split between two looks loses
// nothing, although the tail began at the tip.
func TestLatestReadsChildrenFromTheirBeginning(t *testing.T) {
	w := newWorld(t, 1)
	w.put(0, 50) // from before
	w.clock.Move(time.Minute)
	r := newReading()
	latest := func(c *kinesis.Config) { c.Start = kinesis.Latest }
	if err := w.until(w.source(latest), r, func() bool { return len(r.checkpoints()) == 1 }); err != nil {
		t.Fatal(err)
	}
	w.clock.Move(time.Second)
	w.put(50, 50)
	w.Split("logs", "shardId-000000000000")
	w.put(100, 100)
	if err := w.until(w.source(latest), r, all(r, 150)); err != nil {
		t.Fatal(err)
	}
	w.complete(r, 150)
	if r.seen[`{"id":0}`] != 0 {
		t.Error("a record from before the start was read")
	}
}

func TestStartsAtATime(t *testing.T) {
	w := newWorld(t, 1)
	w.put(0, 50)
	w.Split("logs", "shardId-000000000000") // closed before the start
	w.clock.Move(time.Hour)
	w.put(50, 50)
	w.clock.Move(time.Hour)
	r := newReading()
	if err := w.until(w.source(func(c *kinesis.Config) { c.Start = kinesis.At(noon.Add(30 * time.Minute)) }), r, all(r, 50)); err != nil {
		t.Fatal(err)
	}
	w.complete(r, 50)
}

// TestFaults: whatever goes wrong on the way, every record comes once.
func TestFaults(t *testing.T) {
	for name, script := range map[string]func(w *world){
		"throttled":       func(w *world) { w.Script(kinesistest.Throttle("shardId-000000000001", 5)) },
		"own budget":      func(w *world) { w.Budget(true) },
		"broken service":  func(w *world) { w.Script(kinesistest.Break("", 7)); w.Script(kinesistest.Break("GetRecords", 5)) },
		"cut answers":     func(w *world) { w.Script(&kinesistest.Fault{Op: "GetRecords", Times: 3, Cut: true}) },
		"empty answers":   func(w *world) { w.Script(&kinesistest.Fault{Op: "GetRecords", Times: 5, Empty: true}) },
		"repeated pages":  func(w *world) { w.Script(&kinesistest.Fault{Op: "GetRecords", Skip: 3, Times: 4, Repeat: 40}) },
		"iterator is old": func(w *world) { w.Script(expiredIterator(2)) },
		"KMS is slow": func(w *world) {
			w.Script(&kinesistest.Fault{Op: "GetRecords", Times: 3, Kind: "KMSThrottlingException", Message: "slow down"})
		},
		"signed out": func(w *world) {
			w.Script(&kinesistest.Fault{Op: "GetRecords", Skip: 1, Times: 3, Kind: "ExpiredTokenException", Message: "The security token is expired"})
		},
		"token of another page": func(w *world) {
			w.Script(&kinesistest.Fault{Op: "GetRecords", Skip: 1, Kind: "InvalidArgumentException", Message: "Invalid ShardIterator."})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2)
			w.put(0, 300)
			if name != "broken service" {
				script(w)
			}
			r := newReading()
			go func() { // more while it reads
				w.Split("logs", "shardId-000000000000")
				w.put(300, 300)
			}()
			if name == "broken service" {
				script(w)
			}
			s := w.source()
			err := w.until(s, r, all(r, 600))
			if name == "broken service" && err != nil { // it may give up before it has begun
				err = w.until(s, r, all(r, 600))
			}
			if err != nil {
				t.Fatal(err)
			}
			w.complete(r, 600)
		})
	}
}

func expiredIterator(times int) *kinesistest.Fault {
	return &kinesistest.Fault{Op: "GetRecords", Skip: 1, Times: times, Kind: "ExpiredIteratorException", Message: "Iterator expired."}
}

// TestSleepsForHours: after a laptop's sleep all iterators are too old; before
// any record came, the start is still the one that was asked for.
func TestSleepsForHours(t *testing.T) {
	w := newWorld(t, 1)
	w.put(0, 10)
	w.clock.Move(time.Minute)
	r := newReading()
	s := w.source(func(c *kinesis.Config) { c.Start = kinesis.Latest })
	go func() {
		for w.Calls("GetRecords") < 3 {
			time.Sleep(time.Millisecond)
		}
		w.clock.Move(3 * time.Hour) // asleep
		w.put(10, 10)
	}()
	if err := w.until(s, r, all(r, 10)); err != nil {
		t.Fatal(err)
	}
	w.complete(r, 10)
	if s.Shards()[0].Refreshes == 0 {
		t.Errorf("no iterator was refreshed: %+v", s.Shards())
	}
}

// TestCrashes: at any moment, going on from the checkpoints gives every record
// once more and none twice.
func TestCrashes(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, 1+rng.IntN(4))
		r := newReading()
		total := 0
		for range 8 {
			n := 20 + rng.IntN(100)
			w.put(total, n)
			total += n
			open := w.OpenShards("logs")
			if rng.IntN(2) == 0 {
				w.Split("logs", open[rng.IntN(len(open))])
			}
			left := rng.IntN(4)
			r.crash = func() bool { left--; return left < 0 }
			if err := w.until(w.source(), r, all(r, total)); err != nil && !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
		}
		r.crash = nil
		if err := w.until(w.source(), r, all(r, total)); err != nil {
			t.Fatal(err)
		}
		w.complete(r, total)
		w.Close()
	}
}

func TestGapWhereTheStreamForgot(t *testing.T) {
	w := newWorld(t, 1)
	w.put(0, 10)
	r := newReading()
	if err := w.until(w.source(), r, all(r, 10)); err != nil {
		t.Fatal(err)
	}
	w.clock.Move(time.Hour)
	w.put(10, 10) // nobody reads these
	w.clock.Move(25 * time.Hour)
	w.put(20, 10)
	if err := w.until(w.source(), r, all(r, 20)); err != nil {
		t.Fatal(err)
	}
	w.complete(r, 20)
	if len(r.gaps) != 1 || r.gaps[0].From.Before(noon) || r.gaps[0].To.Sub(r.gaps[0].From) < 24*time.Hour {
		t.Errorf("gaps: %+v", r.gaps)
	}
}

func TestGapWhereAShardExpired(t *testing.T) {
	w := newWorld(t, 1)
	w.put(0, 10)
	r := newReading()
	if err := w.until(w.source(), r, all(r, 10)); err != nil {
		t.Fatal(err)
	}
	w.put(10, 10)
	w.Split("logs", "shardId-000000000000")
	w.clock.Move(25 * time.Hour)
	w.put(20, 10)
	if err := w.until(w.source(), r, all(r, 20)); err != nil {
		t.Fatal(err)
	}
	w.complete(r, 20)
	if len(r.gaps) != 1 || !strings.Contains(r.gaps[0].Reason, "expired") {
		t.Errorf("gaps: %+v", r.gaps)
	}
}

func TestAStreamMadeAgain(t *testing.T) {
	for name, while := range map[string]bool{"while it is read": true, "while nobody reads": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.put(0, 10)
			r := newReading()
			again := func() {
				w.DeleteStream("logs")
				w.clock.Move(time.Minute)
				w.CreateStream("logs", 1)
				w.put(10, 10)
			}
			if while {
				go func() {
					for r.count() < 10 {
						time.Sleep(time.Millisecond)
					}
					again()
				}()
			} else {
				if err := w.until(w.source(), r, all(r, 10)); err != nil {
					t.Fatal(err)
				}
				again()
			}
			if err := w.until(w.source(), r, all(r, 20)); err != nil {
				t.Fatal(err)
			}
			w.complete(r, 20)
			if len(r.gaps) != 1 || !strings.Contains(r.gaps[0].Reason, "made again") {
				t.Errorf("gaps: %+v", r.gaps)
			}
		})
	}
}

// TestADeadShardStopsNobody: one shard may not be read; the others are.
func TestADeadShardStopsNobody(t *testing.T) {
	w := newWorld(t, 3)
	w.put(0, 90)
	w.Script(&kinesistest.Fault{Op: "GetRecords", Shard: "shardId-000000000001", Times: -1, Kind: "KMSAccessDeniedException", Message: "no key"})
	r := newReading()
	s := w.source()
	failed := func() (why string) {
		for _, sh := range s.Shards() {
			if sh.State == "failed" {
				why = sh.Why
			}
		}
		return why
	}
	caught := func() bool {
		for _, sh := range s.Shards() {
			if sh.State == "reading" && sh.Records == 0 || sh.State == "waiting" {
				return false
			}
		}
		return failed() != "" && r.count() > 0
	}
	if err := w.until(s, r, caught); err != nil {
		t.Fatal(err)
	}
	if why := failed(); !strings.Contains(why, "shardId-000000000001") || !strings.Contains(why, "no key") {
		t.Errorf("why: %s", why)
	}
}

func TestNoStream(t *testing.T) {
	w := newWorld(t, 1)
	s := w.source(func(c *kinesis.Config) { c.Stream = "logz" })
	err := s.Tail(t.Context(), nil, newReading().take)
	if engine.KindOf(err) != engine.NotFound || !strings.Contains(err.Error(), "logz") {
		t.Errorf("%v", err)
	}
}

func TestPackedRecords(t *testing.T) {
	w := newWorld(t, 1)
	w.Put("logs", "a", kinesistest.Aggregate(
		kinesistest.UserRecord{Key: "a", Data: []byte("one")},
		kinesistest.UserRecord{Key: "b", Hash: "17", Data: []byte("two")},
		kinesistest.UserRecord{Key: "a", Data: []byte("three")},
	))
	broken := kinesistest.Aggregate(kinesistest.UserRecord{Key: "a", Data: []byte("x")})
	broken[len(broken)-1] ^= 1
	w.Put("logs", "a", broken)
	w.Put("logs", "a", []byte{0xf3, 0x89, 0x9a, 0xc2, 1})
	r := newReading()
	if err := w.until(w.source(), r, all(r, 5)); err != nil {
		t.Fatal(err)
	}
	w.complete(r, 5)
	for i, want := range []string{"one", "two", "three", string(broken)} {
		got := r.all[i]
		if string(got.Data) != want || got.Packed != (i < 3) || i < 3 && got.Sub != i || got.Broken != "" {
			t.Errorf("record %d: %+v", i, got)
		}
	}
	// A producer that knew an older layout packs records of other shards too.
	w.Split("logs", "shardId-000000000000")
	low := ""
	for i := range 1000 {
		if sh, _ := w.Put("logs", fmt.Sprint(i), []byte(fmt.Sprint("fill", i))); sh == "shardId-000000000001" {
			low = fmt.Sprint(i)
			break
		}
	}
	w.Put("logs", low, kinesistest.Aggregate(
		kinesistest.UserRecord{Key: "mine", Hash: "0", Data: []byte("mine")},
		kinesistest.UserRecord{Key: "other", Hash: "340282366920938463463374607431768211455", Data: []byte("other")},
	))
	if err := w.until(w.source(), r, func() bool { return r.seenOnce("other") }); err != nil {
		t.Fatal(err)
	}
	for _, a := range r.all {
		if a.Packed && a.OutOfRange != (string(a.Data) == "other") {
			t.Errorf("%s: out of range %v", a.Data, a.OutOfRange)
		}
	}
}

func (r *reading) seenOnce(data string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[data] == 1
}

func TestFanOut(t *testing.T) {
	w := newWorld(t, 1)
	w.Register("logs", "tidemark")
	w.put(0, 50)
	r := newReading()
	s := w.source(func(c *kinesis.Config) { c.FanOut = "tidemark" })
	go func() {
		for r.count() < 50 {
			time.Sleep(time.Millisecond)
		}
		w.Split("logs", "shardId-000000000000")
		w.put(50, 50)
	}()
	if err := w.until(s, r, all(r, 100)); err != nil {
		t.Fatal(err)
	}
	w.complete(r, 100)
	if w.Calls("GetRecords") != 0 {
		t.Error("it polled")
	}
}

// TestPaceLeavesRoom: at the tip one call a second, so that four of the five a
// shard answers are left for others.
func TestPaceLeavesRoom(t *testing.T) {
	w := newWorld(t, 1)
	w.Budget(true)
	r := newReading()
	begun := w.clock.Now()
	if err := w.until(w.source(), r, func() bool { return w.Calls("GetRecords") >= 30 }); err != nil {
		t.Fatal(err)
	}
	calls, seconds := w.Calls("GetRecords"), w.clock.Now().Sub(begun).Seconds()
	if float64(calls) > seconds+2 {
		t.Errorf("%d calls in %.0f s", calls, seconds)
	}
}
