package workbench_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/kinesistest"
)

const (
	floodIDs = 3500
	// ahead is how many records may wait to be stored: load without end.
	ahead = 900
	// poisonOne of so many records is none.
	poisonOne = 1000
)

// flood is a tail under load, with an endpoint and a clock that a test plays
// with meanwhile.
type flood struct {
	*kinesistest.Server
	*workbench.Workbench
	t     *testing.T
	clock *skewed

	mu     sync.Mutex
	stored int64
	grown  chan struct{}
	put    int // records, and those that are none
	aside  int
}

// skewed is the machine's clock, put forward and back.
type skewed struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *skewed) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().UTC().Round(0).Add(c.off) // the wall's time alone
}

func (c *skewed) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += d
}

// newFlood opens a workspace that tails a stream of two shards; through leads
// to the endpoint by another way, if it is not nil.
func newFlood(t *testing.T, through func(string) string) *flood {
	f := &flood{Server: kinesistest.New(engine.SystemClock{}), t: t, clock: &skewed{}, grown: make(chan struct{}, 1)}
	t.Cleanup(f.Server.Close)
	f.CreateStream("app", 2)
	url := f.URL
	if through != nil {
		url = through(url)
	}
	root := t.TempDir()
	write(t, filepath.Join(root, "tidemark.yaml"), fmt.Sprintf(`name: t
sources:
  live: {type: kinesis, stream: app, endpoint: %q, region: us-east-1, start: trim_horizon, dataset: logs}
datasets: {logs: {event_time: ts, watermark: {lateness: 10s, idle: 1m}}}
`, url))
	f.Workbench = opened(t, root, workbench.Options{Staging: t.TempDir(), Clock: f.clock})
	return f
}

// committed counts what is stored, and fails if the watermark goes back.
func (f *flood) committed() func(context.Context, workbench.TailCommit) error {
	var watermark time.Time
	return func(_ context.Context, c workbench.TailCommit) error {
		if c.Watermark.Before(watermark) {
			f.t.Errorf("the watermark went back from %v to %v", watermark, c.Watermark)
		}
		watermark = c.Watermark
		f.mu.Lock()
		f.stored += c.Stored + c.SetAside
		f.mu.Unlock()
		select {
		case f.grown <- struct{}{}:
		default:
		}
		return nil
	}
}

// wait until no more than so many records are not stored.
func (f *flood) wait(ctx context.Context, left int) bool {
	for {
		f.mu.Lock()
		stored := f.stored
		f.mu.Unlock()
		if int64(f.put)-stored <= int64(left) {
			return true
		}
		select {
		case <-f.grown:
		case <-ctx.Done():
			return false
		}
	}
}

// feed puts records, events a second apart, and does what is to be done at
// some of them.
func (f *flood) feed(ctx context.Context, at map[int]func()) bool {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for id := range floodIDs {
		if do := at[id]; do != nil {
			do()
		}
		if id%poisonOne == poisonOne/2 {
			f.Put("app", fmt.Sprint(id), []byte{0xff, 0xfe, 0, 1, 2})
			f.put++
			f.aside++
		}
		f.Put("app", fmt.Sprint(id), fmt.Appendf(nil, `{"ts":%q,"id":%d}`, begin.Add(time.Duration(id)*time.Second).Format(time.RFC3339), id))
		f.put++
		if !f.wait(ctx, ahead) {
			return false
		}
	}
	return f.wait(ctx, 0)
}

// accounted fails unless every record is stored once or set aside once.
func (f *flood) accounted() {
	f.t.Helper()
	for query, want := range map[string]string{
		`SELECT concat_ws(',', count(*), count(DISTINCT body.id), count(DISTINCT _seq), count(DISTINCT _position)) FROM logs`: fmt.Sprintf("%d,%[1]d,%[1]d,%[1]d", floodIDs),
		`SELECT concat_ws(',', count(*), count(DISTINCT position)) FROM tidemark.quarantine`:                                  fmt.Sprintf("%d,%[1]d", f.aside),
		`SELECT sum(records)::BIGINT::VARCHAR FROM logs_1m`:                                                                   fmt.Sprint(floodIDs),
	} {
		var got string
		if err := f.Store.DB().QueryRowContext(f.t.Context(), query).Scan(&got); err != nil || got != want {
			f.t.Errorf("%s: %s, %v; want %s", query, got, err, want)
		}
	}
}

// TestTailFaults: whatever happens to a tail under load, with a poison record
// in every thousand, each record is accounted for once and the watermark never
// goes back.
func TestTailFaults(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	script := func(faults ...kinesistest.Fault) func(*flood) map[int]func() {
		return func(f *flood) map[int]func() {
			at := map[int]func(){}
			for i := range faults {
				at[500+i*700] = func() { f.Script(&faults[i]) }
			}
			return at
		}
	}
	refused := func(kind string) kinesistest.Fault {
		return kinesistest.Fault{Op: "GetRecords", Times: 3, Kind: kind, Message: "not now"}
	}
	for name, of := range map[string]func(*flood) map[int]func(){
		"nothing":           func(*flood) map[int]func() { return nil },
		"errors":            script(*kinesistest.Break("GetRecords", 3), *kinesistest.Break("", 3), refused("ServiceUnavailable")),
		"throttles":         script(refused("ProvisionedThroughputExceededException"), refused("LimitExceededException"), refused("KMSThrottlingException")),
		"expired iterators": script(refused("ExpiredIteratorException"), refused("ExpiredIteratorException")),
		"duplicate pages":   script(kinesistest.Fault{Op: "GetRecords", Times: 4, Repeat: 300}, kinesistest.Fault{Op: "GetRecords", Times: 4, Repeat: 3000}),
		"empty pages while behind": script(
			kinesistest.Fault{Op: "GetRecords", Times: 6, Empty: true}, kinesistest.Fault{Op: "GetRecords", Times: 6, Empty: true}),
		"shards split and merge": func(f *flood) map[int]func() {
			split := func() { f.Split("app", f.OpenShards("app")[0]) }
			merge := func() { // the newest two are halves of one
				open := f.OpenShards("app")
				f.Merge("app", open[len(open)-2], open[len(open)-1])
			}
			return map[int]func(){400: split, 900: merge, 1500: split, 1600: split, 2300: merge, 3000: split}
		},
		"the stream is made again": func(f *flood) map[int]func() {
			again := func() {
				if f.wait(t.Context(), 0) { // what nobody has read is gone with it
					f.DeleteStream("app")
					f.CreateStream("app", 3)
				}
			}
			return map[int]func(){1300: again, 2900: again}
		},
		"the clock jumps": func(f *flood) map[int]func() {
			jump := func(d time.Duration) func() { return func() { f.clock.move(d) } }
			return map[int]func(){
				400: jump(48 * time.Hour), 1300: jump(-72 * time.Hour), 1800: jump(time.Hour), 2200: jump(-10 * 365 * 24 * time.Hour), 3100: jump(12 * 365 * 24 * time.Hour),
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFlood(t, nil)
			f.run(of(f))
		})
	}
}

// run tails while the stream is fed, until all of it is stored.
func (f *flood) run(at map[int]func()) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 3*time.Minute)
	defer cancel()
	fed := make(chan bool, 1)
	go func() {
		fed <- f.feed(ctx, at)
		cancel()
	}()
	_, err := f.Tail(ctx, workbench.TailOptions{Every: 100 * time.Millisecond, Committed: f.committed()})
	cancel()
	if done := <-fed; err != nil || !done {
		f.t.Fatalf("%d of %d records stored, %v; %+v", f.stored, f.put, err, f.Tails())
	}
	f.accounted()
}

// cable is a network that can be cut: what goes through it breaks off in the
// middle, and for a while nobody gets through.
type cable struct {
	net.Listener
	to string

	mu      sync.Mutex
	open    map[net.Conn]bool
	refuse  int // so many connections, after a cut
	refused int
}

// newCable lies before an endpoint.
func newCable(t *testing.T, url string) *cable {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Listener: l, to: strings.TrimPrefix(url, "http://"), open: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); c.cut(0) })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(from)
		}
	}()
	return c
}

func (c *cable) carry(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer to.Close()
	c.mu.Lock()
	down := c.refused < c.refuse
	if down {
		c.refused++
	} else {
		c.open[from] = true
	}
	c.mu.Unlock()
	if down {
		return
	}
	go func() {
		_, _ = io.Copy(to, from)
		to.Close()
	}()
	_, _ = io.Copy(from, to)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, from)
}

// cut breaks what is open, and refuses so many connections then.
func (c *cable) cut(refuse int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse, c.refused = refuse, 0
	for conn := range c.open {
		conn.Close()
	}
}

// wasDown reports whether all were refused that should be.
func (c *cable) wasDown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused >= c.refuse
}

// TestTailNetworkCut: connections break at any moment, and for a while there
// are none; nothing is lost, and nothing comes twice.
func TestTailNetworkCut(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	var c *cable
	f := newFlood(t, func(url string) string {
		c = newCable(t, url)
		return "http://" + c.Addr().String()
	})
	at := map[int]func(){}
	for id := 300; id < floodIDs; id += 250 { // in the middle of whatever it does
		at[id] = func() { c.cut(0) }
	}
	for _, id := range []int{1100, 2600} {
		at[id] = func() { c.cut(6) } // longer
	}
	f.run(at)
	if !c.wasDown() {
		t.Error("nobody tried while the network was down")
	}
}
