package samples

import "time"

// What happens in the week apart from shopping. Every date of the story is
// here, so that rules, notebooks and tests can be held against it.

// A deploy puts a new version of a service in place.
type deploy struct {
	at       time.Time
	service  service
	version  string
	previous string
	change   string
	by       string
}

// firstVersion is what runs on Monday morning.
var firstVersion = [serviceCount]string{
	storefront: "4.30.0", catalog: "5.1.7", cart: "1.19.4", checkout: "3.7.9", payments: "2.13.3", probe: "1.0.0",
}

var deploys = []deploy{
	{at(0, 9, 12, 31), storefront, "4.31.0", "4.30.0", "new header on product pages", "lena"},
	{at(0, 15, 40, 2), catalog, "5.2.0", "5.1.7", "search: synonyms for winter clothes", "tomas"},
	{at(1, 13, 30, 47), payments, "2.13.4", "2.13.3", "northpay: new certificate", "ines"},
	{schemaChange, cart, "2.0.0", "1.19.4", "cart events carry coupons and gifts; totals have cents", "jonas"},
	{at(2, 14, 20, 18), checkout, "3.8.0", "3.7.9", "address form remembers the country", "amara"},
	{quietFrom, catalog, "5.2.1", "5.2.0", "log level: info -> error", "tomas"},
	{quietTo, catalog, "5.2.2", "5.2.1", "log level: error -> info", "tomas"},
	{at(3, 16, 0, 9), storefront, "4.31.1", "4.31.0", "fix broken image on the home page", "lena"},
	{at(4, 9, 30, 55), checkout, "3.8.1", "3.8.0", "copy changes", "amara"},
	{badDeploy, payments, "2.14.0", "2.13.4", "settings moved to the new config service (db.pool.max: 40 -> 4)", "ines"},
	{rollback, payments, "2.13.4", "2.14.0", "rollback of 2.14.0", "ines"},
	{at(5, 8, 15, 20), storefront, "4.31.2", "4.31.1", "weekend banner", "lena"},
}

var (
	// On Wednesday morning cart 2.0.0 changes what a cart looks like.
	schemaChange = at(2, 6, 0, 0)
	// On Thursday catalog logs nothing below ERROR for 44 minutes.
	quietFrom, quietTo = at(3, 11, 8, 20), at(3, 11, 52, 10)
	// On Friday payments 2.14.0 gets by with a tenth of its connections
	// until it is rolled back: the incident.
	badDeploy, rollback = at(4, 14, 3, 12), at(4, 14, 51, 5)
	// On Sunday night somebody tries out stolen cards.
	cardsFrom, cardsTo = at(6, 2, 30, 0), at(6, 3, 10, 0)
)

// versionAt is the version of a service that runs at t.
func versionAt(s service, t time.Time) string {
	version := firstVersion[s]
	for i := range deploys {
		if d := &deploys[i]; d.service == s && !t.Before(d.at) {
			version = d.version
		}
	}
	return version
}

// shortage tells, from 0 to 1, how badly payments lacks connections at t: it
// builds up as requests queue, and goes when the queue has drained.
func shortage(t time.Time) float64 {
	up := t.Sub(badDeploy.Add(50*time.Second)).Seconds() / 90
	down := rollback.Add(70*time.Second).Sub(t).Seconds() / 60
	return max(0, min(1, up, down))
}

// quiet reports whether catalog only logs errors at t.
func quiet(t time.Time) bool { return !t.Before(quietFrom) && t.Before(quietTo) }

// A mishap spoils one record of a service's hourly file.
type mishap struct {
	hour    int // of the week
	service service
	nth     int // request of the file at full density, from 0
	kind    mishapKind
}

type mishapKind uint8

const (
	truncated  mishapKind = iota + 1 // the line ends in the middle
	stackTrace                       // a line that never was JSON
	statusNA                         // the status is the text "N/A"
)

var mishaps = []mishap{
	{1*24 + 8, cart, 41, truncated},
	{1*24 + 8, checkout, 77, stackTrace},
	{3*24 + 19, storefront, 208, truncated},
	{4*24 + 14, checkout, 400, truncated},
	{4*24 + 14, checkout, 1200, stackTrace},
	{5*24 + 11, storefront, 96, truncated},
	{6*24 + 20, cart, 19, truncated},
	{2*24 + 9, cart, 60, statusNA},
	{2*24 + 9, cart, 260, statusNA},
	{4*24 + 14, cart, 88, statusNA},
	{4*24 + 15, cart, 12, statusNA},
	{5*24 + 18, cart, 33, statusNA},
	{6*24 + 10, cart, 51, statusNA},
}

// spoil finds what happens to the nth request of an hourly file.
func (w *week) spoil(hour int, s service, nth int) mishapKind {
	for i := range mishaps {
		m := &mishaps[i]
		if m.hour == hour && m.service == s && int(float64(m.nth)*min(1, w.density)) == nth {
			return m.kind
		}
	}
	return 0
}
