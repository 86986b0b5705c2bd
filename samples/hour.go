package samples

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// hour makes the records that reach the bucket in one hour of the week, in
// roughly the order they are written in. It is not safe for concurrent use;
// different hours are independent.
type hour struct {
	week  *week
	n     int // of the week
	rng   *rand.Rand
	zipf  *rand.Zipf
	emit  func(*record)
	arena []record // of the trace at hand
}

// makeHour hands every record of hour n to emit, which must not keep it.
func (w *week) makeHour(n int, emit func(*record)) {
	rng := rand.New(rand.NewPCG(w.seed, mix(uint64(n))))
	h := &hour{
		week: w, n: n, rng: rng, emit: emit,
		zipf:  rand.NewZipf(rng, 1.05, 200, customers-1),
		arena: make([]record, 0, 16),
	}
	start := Start.Add(time.Duration(n) * time.Hour)
	for m := range 60 {
		h.minute(start.Add(time.Duration(m) * time.Minute))
	}
}

// minute makes what happens in one minute.
func (h *hour) minute(t time.Time) {
	h.deploys(t)
	h.probes(t)
	for i := range regions {
		r := &regions[i]
		h.arrivals(t, r.traffic(t)*h.week.perUnit, func(at time.Time) { h.trace(at, r) })
		h.arrivals(t, r.traffic(t)*h.week.density*lateShare(t, r), func(time.Time) { h.latePhone(t, r) })
	}
	h.wrongClocks(t)
	if !t.Before(cardsFrom) && t.Before(cardsTo) {
		h.arrivals(t, 26*h.week.density, h.stolenCard)
	}
}

// arrivals calls f at random moments of the minute, rate of them on average.
func (h *hour) arrivals(minute time.Time, rate float64, f func(time.Time)) {
	if rate <= 0 {
		return
	}
	for s := h.rng.ExpFloat64() / rate; s < 1; s += h.rng.ExpFloat64() / rate {
		f(minute.Add(time.Duration(s * float64(time.Minute))))
	}
}

// chance is true with probability p.
func (h *hour) chance(p float64) bool { return h.rng.Float64() < p }

// uneven draws an index below n, the first ones far more often.
func (h *hour) uneven(n int) int {
	x := h.rng.Float64()
	return int(x * x * float64(n))
}

// logNormal draws a duration in milliseconds around a median.
func (h *hour) logNormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*h.rng.NormFloat64())
}

// record gives an empty record that lives until the next trace.
func (h *hour) record() *record {
	if len(h.arena) == cap(h.arena) {
		return &record{}
	}
	h.arena = append(h.arena, record{})
	return &h.arena[len(h.arena)-1]
}

// customer draws one; some come far more often than others.
func (h *hour) customer() *user { return &user{id: 10_000 + mix(h.zipf.Uint64())%customers} }

func (h *hour) newTrace(at time.Time) traceID {
	// The first half starts with the second, as X-Ray has it, which also
	// keeps traces of a moment together when sorted.
	return traceID{uint64(at.Unix())<<32 | uint64(h.rng.Uint32()), h.rng.Uint64()}
}

// deploys logs the versions that took over in this minute.
func (h *hour) deploys(t time.Time) {
	for i := range deploys {
		d := &deploys[i]
		if d.at.Before(t) || !d.at.Before(t.Add(time.Minute)) {
			continue
		}
		h.emit(&record{
			at: d.at, service: d.service, level: info, kind: kindDeploy, version: d.version, deploy: d,
			message: fmt.Sprintf("deployed %s %s (was %s): %s", d.service, d.version, d.previous, d.change),
		})
	}
}

// probed is what the probe asks; legacy-search was switched off long ago and
// nobody told the probe.
var probed = []string{"storefront", "catalog", "cart", "checkout", "payments", "legacy-search"}

func (h *hour) probes(t time.Time) {
	if !h.chance(min(1, h.week.density)) {
		return
	}
	for i, target := range probed {
		r := &record{
			at:      t.Add(time.Duration(i*700+h.rng.IntN(90)) * time.Millisecond),
			service: probe, level: info, kind: kindRequest, useCase: "probe",
			region: &regions[0], version: firstVersion[probe], method: "GET", route: "/healthz",
			status: 200, duration: round1(h.logNormal(2, 0.4)), message: "GET /healthz of " + target + ": ok",
		}
		if target == "legacy-search" {
			r.level, r.status, r.duration = fault, 503, 1000
			r.message = "GET /healthz of legacy-search: no route to host"
		}
		h.emit(r)
	}
}

var deviceEvents = []string{
	"screen_view home", "screen_view product", "screen_view cart", "tap add_to_cart", "tap share", "app_background", "app_foreground", "push_opened winter_sale",
}

// lateShare is how many late notes arrive a minute for traffic 1: most in the
// morning, when phones come back from flights and flat batteries.
func lateShare(t time.Time, r *region) float64 {
	local := t.Add(r.ahead)
	return 0.6 + 4*hump(float64(local.Hour())+float64(local.Minute())/60, 7.5, 1)
}

// latePhone delivers what a phone noted while it had no network: up to a day
// after it happened.
func (h *hour) latePhone(t time.Time, r *region) {
	first := t.Add(-time.Duration(min(26, h.logNormal(3, 0.8)) * float64(time.Hour)))
	u := h.customer()
	for range 1 + h.rng.IntN(6) {
		first = first.Add(time.Duration(h.rng.IntN(40_000)) * time.Millisecond)
		h.note(first, r, u, fmt.Sprintf("d-%04x", mix(u.id)&0xffff), true)
	}
}

// wrongClock lists clocks that run ahead, each on one phone, in a week of any
// density. Those that are hours ahead stay silent on Sunday, so that none of
// their records claims to be from after the week and yet looks plausible.
var wrongClock = []struct {
	device string
	user   uint64
	ahead  time.Duration
}{
	{"d-7f31", 11_031, 365 * 24 * time.Hour},
	{"d-02bc", 20_188, 7 * time.Hour},
	{"d-91aa", 34_507, 3*time.Hour + 12*time.Minute},
}

func (h *hour) wrongClocks(t time.Time) {
	if t.Hour() < 8 || t.Hour() > 21 {
		return
	}
	for _, c := range wrongClock {
		if c.ahead < 24*time.Hour && t.Weekday() == time.Sunday {
			continue
		}
		h.arrivals(t, 0.05, func(at time.Time) {
			h.note(at.Add(c.ahead), &regions[1], &user{c.user}, c.device, false)
		})
	}
}

// note is one thing a phone noted at the time its own clock showed.
func (h *hour) note(at time.Time, r *region, u *user, id string, buffered bool) {
	d := devices[3+mix(u.id)%4]
	d.id = id
	h.emit(&record{
		at: at, service: storefront, level: info, kind: kindDevice, region: r, useCase: "app",
		message: "app event: " + deviceEvents[h.rng.IntN(len(deviceEvents))], user: u, device: &d, buffered: buffered,
	})
}

// round1 keeps one decimal, which is what gets written.
func round1(x float64) float64 { return math.Round(x*10) / 10 }
