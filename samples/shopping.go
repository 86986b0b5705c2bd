package samples

import (
	"fmt"
	"time"
)

// endpoint is something a service answers, with how long it usually takes.
type endpoint struct {
	service service
	method  string
	route   string
	median  float64 // milliseconds
	sigma   float64 // of the logarithm
}

var (
	getHome        = endpoint{storefront, "GET", "/", 38, 0.45}
	getProductPage = endpoint{storefront, "GET", "/p/:slug", 46, 0.50}
	getSearchPage  = endpoint{storefront, "GET", "/search", 61, 0.55}
	getAccount     = endpoint{storefront, "GET", "/account", 33, 0.40}
	getCartPage    = endpoint{storefront, "GET", "/cart", 29, 0.40}
	postOrderPage  = endpoint{storefront, "POST", "/order", 24, 0.35}

	getFeatured     = endpoint{catalog, "GET", "/featured", 11, 0.40}
	getProduct      = endpoint{catalog, "GET", "/products/:id", 7, 0.55}
	getSearch       = endpoint{catalog, "GET", "/search", 34, 0.70}
	postReservation = endpoint{catalog, "POST", "/reservations", 16, 0.45}

	postItem = endpoint{cart, "POST", "/carts/:id/items", 13, 0.45}
	getCart  = endpoint{cart, "GET", "/carts/:id", 6, 0.45}

	getSummary   = endpoint{checkout, "GET", "/checkout/summary", 27, 0.45}
	putAddress   = endpoint{checkout, "PUT", "/checkout/address", 19, 0.40}
	putShipping  = endpoint{checkout, "PUT", "/checkout/shipping", 21, 0.40}
	postCheckout = endpoint{checkout, "POST", "/checkout", 42, 0.40}

	postAuthorize = endpoint{payments, "POST", "/authorize", 140, 0.40}
	postCapture   = endpoint{payments, "POST", "/capture", 95, 0.40}
	postWebhook   = endpoint{payments, "POST", "/webhooks/:provider", 12, 0.50}
)

// errorRate is how often a service fails for reasons of its own.
var errorRate = [serviceCount]float64{
	storefront: 0.004, catalog: 0.004, cart: 0.004, checkout: 0.003, payments: 0.003,
}

// visit is one request of a customer with all the requests it causes.
type visit struct {
	*hour
	trace  traceID
	region *region
	use    string
	user   *user
	ip     string
}

// A habit is one thing customers do and how often, relative to the others.
type habit struct {
	weight float64
	use    string
	do     func(*visit, time.Time)
}

var habits = []habit{
	{0.08, "browse", (*visit).home},
	{0.21, "browse", (*visit).product},
	{0.13, "search", (*visit).search},
	{0.04, "account", (*visit).account},
	{0.13, "cart", (*visit).addItem},
	{0.08, "cart", (*visit).viewCart},
	{0.13, "buy", (*visit).summary},
	{0.10, "buy", (*visit).address},
	{0.09, "buy", (*visit).shipping},
	{0.13, "buy", (*visit).pay},
	{0.03, "buy", (*visit).webhook},
}

var habitWeight = func() (sum float64) {
	for _, h := range habits {
		sum += h.weight
	}
	return sum
}()

// trace makes one visit of a customer to the shop.
func (h *hour) trace(at time.Time, r *region) {
	h.arena = h.arena[:0]
	x := h.rng.Float64() * habitWeight
	for i := range habits {
		if x -= habits[i].weight; x < 0 || i == len(habits)-1 {
			v := &visit{hour: h, trace: h.newTrace(at), region: r, use: habits[i].use, user: h.customer()}
			v.ip = v.user.ip()
			habits[i].do(v, at)
			return
		}
	}
}

// ask makes the record of one request: it started at `at` as part of parent
// (nil: the customer's own), and took its time. Unless it fails by itself,
// which it says, the caller adds what it did.
func (v *visit) ask(e *endpoint, at time.Time, parent *record) (r *record, ok bool) {
	r = v.record()
	r.service, r.kind, r.level, r.status = e.service, kindRequest, info, 200
	r.method, r.route = e.method, e.route
	r.trace, r.span, r.region, r.useCase, r.user = v.trace, v.rng.Uint64(), v.region, v.use, v.user
	if parent != nil {
		r.parent = parent.span
	}
	r.version = versionAt(e.service, at)
	r.local = e.service == cart && v.region == &regions[2]
	r.duration = round1(v.logNormal(e.median, e.sigma))
	r.at = at
	if v.chance(0.1) {
		v.remark(r)
	}
	if !v.chance(errorRate[e.service]) {
		return r, true
	}
	f := failures[e.service][v.uneven(len(failures[e.service]))]
	r.level, r.status, r.message = fault, f.status, f.message
	return r, false
}

// done writes the record of a request when its answer is out: that is the
// moment it is logged at.
func (v *visit) done(r *record) {
	r.at = r.at.Add(time.Duration(r.duration * float64(time.Millisecond)))
	if r.service == catalog && r.level < fault && quiet(r.at) {
		return
	}
	v.emit(r)
}

// called notes in r that it waited for another request to be answered.
func (r *record) called(other *record) {
	r.calls = append(r.calls, call{other.service, other.duration, other.status < 500})
	r.duration = round1(r.duration + other.duration)
}

// remark writes what a service says besides answering.
func (v *visit) remark(about *record) {
	say := remarks[about.service][v.uneven(len(remarks[about.service]))]
	r := v.record()
	*r = *about
	r.kind, r.level, r.message = kindLog, say.level, say.text(v)
	r.at = about.at.Add(time.Duration(v.rng.IntN(4)) * time.Millisecond)
	if r.service == catalog && quiet(r.at) {
		return
	}
	v.emit(r)
}

func (v *visit) page(e *endpoint, at time.Time) (r *record, ok bool) {
	r, ok = v.ask(e, at, nil)
	r.device, r.calls = v.user.device(), []call{}
	return r, ok
}

func (v *visit) home(at time.Time) {
	page, ok := v.page(&getHome, at)
	if ok {
		page.message = "home page rendered"
		if v.chance(0.5) {
			r, ok := v.ask(&getFeatured, at.Add(3*time.Millisecond), page)
			if ok {
				r.message = fmt.Sprintf("%d featured products", 6+v.rng.IntN(6))
			}
			v.done(r)
			page.called(r)
		}
	}
	v.done(page)
}

func (v *visit) product(at time.Time) {
	page, ok := v.page(&getProductPage, at)
	if ok {
		product := v.productName()
		page.message = "page of " + product + " rendered"
		page.called(v.lookUp(at.Add(4*time.Millisecond), page, product))
	}
	v.done(page)
}

// lookUp asks catalog for a product.
func (v *visit) lookUp(at time.Time, parent *record, product string) *record {
	r, ok := v.ask(&getProduct, at, parent)
	r.cache = "miss"
	if v.chance(0.8) {
		r.cache = "hit"
	}
	switch {
	case !ok:
	case v.chance(0.015):
		r.status, r.message = 404, "product "+product+" is not sold any more"
	case r.cache == "hit":
		r.duration, r.message = round1(r.duration/4), product+" from cache"
	default:
		r.message = product + " read from the database"
	}
	v.done(r)
	return r
}

func (v *visit) search(at time.Time) {
	page, ok := v.page(&getSearchPage, at)
	if ok {
		query := queries[v.uneven(len(queries))]
		r, ok := v.ask(&getSearch, at.Add(5*time.Millisecond), page)
		r.search = &search{query: query, results: int64(v.rng.IntN(140))}
		if ok {
			r.message = fmt.Sprintf("search %q found %d products", query, r.search.results)
		}
		v.done(r)
		page.called(r)
		page.message = fmt.Sprintf("results for %q rendered", query)
	}
	v.done(page)
}

func (v *visit) account(at time.Time) {
	page, ok := v.page(&getAccount, at)
	if ok {
		page.message = "account page rendered"
		if v.chance(0.2) {
			page.message = "signed in as " + v.user.email()
			page.email, page.ip = v.user.email(), v.ip
		}
	}
	v.done(page)
}

func (v *visit) addItem(at time.Time) {
	r, ok := v.ask(&postItem, at, nil)
	v.basket(r)
	if ok {
		product := v.productName()
		r.message = fmt.Sprintf("added %s to cart c-%d, %d items", product, r.cart.id, r.cart.items)
		if v.chance(0.6) {
			v.lookUp(at.Add(2*time.Millisecond), r, product)
		}
	}
	v.done(r)
}

func (v *visit) viewCart(at time.Time) {
	page, ok := v.page(&getCartPage, at)
	if ok {
		page.message = "cart page rendered"
		page.called(v.readCart(at.Add(2*time.Millisecond), page))
	}
	v.done(page)
}

// readCart asks cart for the customer's basket.
func (v *visit) readCart(at time.Time, parent *record) *record {
	r, ok := v.ask(&getCart, at, parent)
	v.basket(r)
	if ok {
		r.message = fmt.Sprintf("cart c-%d read, %d items", r.cart.id, r.cart.items)
	}
	v.done(r)
	return r
}

// basket attaches the cart, in the shape its version of cart writes.
func (v *visit) basket(r *record) {
	c := &basket{id: 100_000 + mix(v.user.id)%900_000, items: 1 + int64(v.rng.ExpFloat64()*2), modern: !r.at.Before(schemaChange)}
	c.cents = c.items * int64(v.logNormal(2600, 0.6))
	if c.modern && v.chance(0.18) {
		offer := coupons[v.uneven(len(coupons))]
		c.coupon, c.off = offer.code, offer.percent
	}
	if c.modern && v.chance(0.07) {
		c.gifts = []string{gifts[v.uneven(len(gifts))]}
	}
	r.cart = c
}

func (v *visit) summary(at time.Time) {
	r, ok := v.checkout(&getSummary, at, nil)
	if ok {
		r.message = "checkout summary shown"
		if v.chance(0.5) {
			r.called(v.readCart(at.Add(2*time.Millisecond), r))
		}
	}
	v.done(r)
}

func (v *visit) address(at time.Time) {
	r, ok := v.checkout(&putAddress, at, nil)
	r.email = v.user.email()
	switch {
	case !ok:
	case v.chance(0.03):
		r.level, r.status, r.message = warn, 422, "address refused: unknown postcode, asked "+r.email+" again"
	default:
		r.message = "address saved"
	}
	v.done(r)
}

func (v *visit) shipping(at time.Time) {
	r, ok := v.checkout(&putShipping, at, nil)
	if ok {
		r.message = "shipping by " + carriers[v.uneven(len(carriers))] + " chosen"
	}
	v.done(r)
}

func (v *visit) checkout(e *endpoint, at time.Time, parent *record) (r *record, ok bool) {
	r, ok = v.ask(e, at, parent)
	r.calls, r.ip = []call{}, v.ip
	return r, ok
}
