package samples

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"
)

// The mail relay is older than the shop: it writes key=value lines (logfmt)
// into one file for six hours, and knows templates where everybody else knows
// services. shop/lookups/templates.csv says whose they are.
const mailPrefix = "data/logs/mail"

// mailSeed keeps the relay's random numbers apart from those of the services.
const mailSeed = 0x6d61696c

// A mailing is a template, and how often it goes out compared with others.
type mailing struct {
	template string
	share    float64
}

var mailings = []mailing{
	{"order_confirmation", 0.55}, {"parcel_sent", 0.25}, {"password_reset", 0.1}, {"winter_sale", 0.09}, {"payment_failed", 0.01},
}

// failedMails is how many mails a minute tell of a failed payment during the
// incident, in a week of full density.
const failedMails = 4

// mail gives the lines that the relay writes in hour n, minute by minute, and
// their number.
func (w *week) mail(n int) ([]byte, int64) {
	m := &relay{rng: rand.New(rand.NewPCG(w.seed^mailSeed, mix(uint64(n))))}
	start := Start.Add(time.Duration(n) * time.Hour)
	for minute := range 60 {
		t := start.Add(time.Duration(minute) * time.Minute)
		rate := 0.0
		for i := range regions {
			rate += regions[i].traffic(t)
		}
		m.arrivals(t, rate*w.density, m.mailing)
		if !t.Before(badDeploy) && t.Before(rollback) {
			m.arrivals(t, failedMails*w.density, func() string { return "payment_failed" })
		}
	}
	return m.lines.Bytes(), m.n
}

// relay writes lines; it is not safe for concurrent use.
type relay struct {
	rng   *rand.Rand
	lines bytes.Buffer
	n     int64
}

// arrivals writes rate mails a minute on average, at random moments.
func (m *relay) arrivals(minute time.Time, rate float64, template func() string) {
	if rate <= 0 {
		return
	}
	for s := m.rng.ExpFloat64() / rate; s < 1; s += m.rng.ExpFloat64() / rate {
		m.write(minute.Add(time.Duration(s*float64(time.Minute))), template())
	}
}

// mailing draws a template by its share.
func (m *relay) mailing() string {
	x := m.rng.Float64()
	for _, one := range mailings {
		if x -= one.share; x < 0 {
			return one.template
		}
	}
	return mailings[0].template
}

// write says what became of one mail: a receiver in thirty asks to come again.
func (m *relay) write(at time.Time, template string) {
	to := &user{id: 10_000 + m.rng.Uint64N(customers)}
	level, status, message, ms := "info", 250, "accepted by the receiver", 20+80*m.rng.Float64()
	if m.rng.IntN(30) == 0 {
		level, status, message, ms = "warn", 451, "asked to come again later", 10*ms
	}
	fmt.Fprintf(&m.lines, "ts=%s svc=mail level=%s msg=%q template=%s to=%s status=%d ms=%.1f\n",
		at.Format("2006-01-02T15:04:05.000Z"), level, message, template, to.email(), status, ms)
	m.n++
}

// putMail stores what the relay wrote in the block's hours.
func (b *block) putMail() error {
	var data []byte
	for n := b.first; n < b.last; n++ {
		lines, count := b.week.mail(n)
		data = append(data, lines...)
		b.sum.Records += count
	}
	if len(data) == 0 {
		return nil
	}
	begin := Start.Add(time.Duration(b.first) * time.Hour)
	return b.store(filepath.Join(filepath.FromSlash(mailPrefix), begin.Format("dt=2006-01-02"), begin.Format("mail-15.log")), b.last, data)
}
