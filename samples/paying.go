package samples

import (
	"fmt"
	"time"
)

// paymentTimeout is how long checkout waits for payments, in milliseconds.
const paymentTimeout = 3000.0

// pay places an order, and mostly tries again when that went wrong.
func (v *visit) pay(at time.Time) {
	for !v.tryPay(at) && v.chance(0.6) {
		at = at.Add(5*time.Second + time.Duration(v.rng.IntN(20_000))*time.Millisecond)
		v.trace = v.newTrace(at)
	}
}

// tryPay places an order: the one request that needs every service.
func (v *visit) tryPay(at time.Time) (taken bool) {
	page, ok := v.page(&postOrderPage, at)
	if !ok {
		v.done(page)
		return true
	}
	r := v.placeOrder(at.Add(6*time.Millisecond), page)
	page.called(r)
	taken = r.status < 500
	page.status, page.message = r.status, "order page answered"
	if !taken {
		// Not storefront's fault, so not its ERROR.
		page.level, page.status, page.message = warn, 502, "checkout did not take the order, customer asked to try again"
	}
	v.done(page)
	return taken
}

func (v *visit) placeOrder(at time.Time, page *record) *record {
	r, ok := v.checkout(&postCheckout, at, page)
	r.email = v.user.email()
	if !ok {
		v.done(r)
		return r
	}
	basket := v.readCart(at.Add(3*time.Millisecond), r)
	r.called(basket)
	r.order = &order{id: 5_000_000 + v.rng.Uint64N(4_000_000), items: basket.cart.items, cents: basket.cart.cents}
	v.payOrder(r)
	v.done(r)
	return r
}

// payOrder has the order of r paid, and sets how that ended.
func (v *visit) payOrder(r *record) {
	at := r.at.Add(time.Duration(r.duration * float64(time.Millisecond)))
	pay, paid := v.authorize(at, r, r.order.cents)
	if pay.duration > paymentTimeout {
		r.calls = append(r.calls, call{payments, paymentTimeout, false})
		r.duration = round1(r.duration + paymentTimeout)
		r.level, r.status = fault, 503
		r.message = fmt.Sprintf("payments: POST /authorize gave no answer within 3000 ms, order o-%d not placed", r.order.id)
		return
	}
	r.called(pay)
	switch {
	case pay.status >= 500:
		r.level, r.status = fault, 502
		r.message = fmt.Sprintf("payments answered %d, order o-%d not placed", pay.status, r.order.id)
	case !paid:
		r.level, r.status = warn, 402
		r.message = fmt.Sprintf("payment of order o-%d declined", r.order.id)
	default:
		after := at.Add(time.Duration(pay.duration * float64(time.Millisecond)))
		r.called(v.reserve(after, r))
		v.capture(after.Add(40*time.Millisecond), r)
		r.status, r.message = 201, fmt.Sprintf("order o-%d placed by %s", r.order.id, r.email)
	}
}

func (v *visit) reserve(at time.Time, parent *record) *record {
	r, ok := v.ask(&postReservation, at, parent)
	if ok {
		r.status, r.message = 201, fmt.Sprintf("%d items reserved for order o-%d", parent.order.items, parent.order.id)
	}
	v.done(r)
	return r
}

func (v *visit) authorize(at time.Time, parent *record, cents int64) (r *record, paid bool) {
	r, ok := v.ask(&postAuthorize, at, parent)
	r.payment = &payment{provider: providers[v.uneven(len(providers))], cents: cents, attempt: 1}
	r.ip = v.ip
	v.connect(r)
	switch {
	case !ok:
	case v.chance(0.04):
		r.level, r.status = warn, 402
		r.message = "card " + cardNumber(v.rng) + " declined: " + reasons[v.uneven(len(reasons))]
	case r.duration > paymentTimeout:
		r.level, paid = warn, true
		r.message = fmt.Sprintf("authorized after %.1f s, %.1f s of it waiting for a database connection; the caller had gone", r.duration/1000, (r.duration-140)/1000)
	default:
		paid = true
		r.message = fmt.Sprintf("%s authorized %d.%02d EUR", r.payment.provider, cents/100, cents%100)
	}
	v.done(r)
	return r, paid
}

func (v *visit) capture(at time.Time, parent *record) {
	r, ok := v.ask(&postCapture, at, parent)
	r.payment = &payment{provider: providers[v.uneven(len(providers))], cents: parent.order.cents, attempt: 1}
	v.connect(r)
	if ok {
		r.message = fmt.Sprintf("captured payment of order o-%d", parent.order.id)
	}
	v.done(r)
}

func (v *visit) webhook(at time.Time) {
	r, ok := v.ask(&postWebhook, at, nil)
	r.user = nil
	v.connect(r)
	if ok {
		r.message = providers[v.uneven(len(providers))] + " confirmed a settlement"
	}
	v.done(r)
}

// connect takes a connection from the pool of payments, waiting when the pool
// of 2.14.0 has none.
func (v *visit) connect(r *record) {
	r.pool = &pool{limit: 40, inUse: 3 + int64(v.rng.IntN(12))}
	lack := shortage(r.at)
	if r.version == "2.14.0" {
		r.pool.limit, r.pool.inUse = 4, 2+int64(v.rng.IntN(3))
	}
	if !v.chance(0.88 * lack) {
		return
	}
	r.pool.inUse, r.pool.waiting = r.pool.limit, 8+int64(v.rng.IntN(int(10+50*lack)))
	r.duration = round1(r.duration + v.logNormal(4200*lack+100, 0.45))
	if v.chance(0.35) {
		say := v.record()
		*say = *r
		say.kind, say.level = kindLog, warn
		say.message = fmt.Sprintf("connection pool exhausted: %d of %d in use, %d waiting", r.pool.inUse, r.pool.limit, r.pool.waiting)
		v.emit(say)
	}
}

// stolenCard tries out a card number; nearly all are refused.
func (h *hour) stolenCard(at time.Time) {
	h.arena = h.arena[:0]
	v := &visit{hour: h, trace: h.newTrace(at), region: &regions[1], use: "buy", user: &user{66_600 + h.rng.Uint64N(9)}}
	v.ip = fmt.Sprintf("198.51.100.%d", 201+h.rng.IntN(6))
	r, ok := v.checkout(&postCheckout, at, nil)
	if !ok {
		v.done(r)
		return
	}
	r.order = &order{id: 5_000_000 + h.rng.Uint64N(4_000_000), items: 1, cents: 100}
	pay, _ := v.ask(&postAuthorize, at.Add(20*time.Millisecond), r)
	pay.payment, pay.ip = &payment{provider: providers[0], cents: 100, attempt: 1}, v.ip
	v.connect(pay)
	pay.level, pay.status = warn, 402
	pay.message = "card " + cardNumber(h.rng) + " declined: stolen card"
	v.done(pay)
	r.called(pay)
	r.level, r.status, r.message = warn, 402, fmt.Sprintf("payment of order o-%d declined", r.order.id)
	v.done(r)
}
