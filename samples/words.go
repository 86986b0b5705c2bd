package samples

import "fmt"

// failure is a way in which a service fails by itself.
type failure struct {
	status  int64
	message string
}

var failures = [serviceCount][]failure{
	storefront: {
		{500, "template error: missing translation for key product.badge"},
		{500, "render: out of memory budget"},
		{504, "catalog: deadline exceeded after 2000 ms"},
	},
	catalog: {
		{500, "database: could not serialize access"},
		{503, "search index is being swapped"},
		{500, "decode product: unexpected end of input"},
	},
	cart: {
		{500, "redis: connection reset by peer"},
		{503, "redis: loading the dataset in memory"},
		{500, "cart changed by another request, gave up after 5 attempts"},
	},
	checkout: {
		{500, "tax table has no entry for the destination"},
		{502, "cart: connection refused"},
		{500, "session expired while saving"},
	},
	payments: {
		{502, "northpay: TLS handshake timeout"},
		{500, "ledger: duplicate idempotency key"},
		{502, "cardio: 503 from provider"},
	},
}

// remark is something a service says besides answering requests.
type remark struct {
	level  level
	format string
	upTo   int // a number below it fills the format
}

func (m remark) text(v *visit) string { return fmt.Sprintf(m.format, v.rng.IntN(m.upTo)) }

var remarks = [serviceCount][]remark{
	storefront: {
		{debug, "template cache hit, %d fragments", 40},
		{debug, "experiment header-2026 in bucket %d", 4},
		{info, "session renewed for %d minutes", 60},
		{warn, "slow fragment: recommendations took %d ms", 900},
	},
	catalog: {
		{debug, "cache refresh of %d products", 500},
		{debug, "query plan reused, cost %d", 9000},
		{warn, "cache miss storm: %d keys in one second", 300},
		{info, "price list revision %d active", 9000},
	},
	cart: {
		{debug, "optimistic lock taken after %d attempts", 4},
		{info, "cart merged after sign-in, %d items moved", 6},
		{warn, "cart has grown to %d items", 120},
	},
	checkout: {
		{debug, "tax computed in %d us", 900},
		{info, "fraud score %d", 100},
		{warn, "retrying cart read, attempt %d", 3},
		{info, "delivery in %d days offered", 7},
	},
	payments: {
		{debug, "provider round trip %d ms", 300},
		{info, "3-D Secure challenge answered in %d s", 60},
		{warn, "provider asks to slow down, backing off %d ms", 800},
	},
}

var (
	adjectives = []string{"woollen", "red", "striped", "waterproof", "light", "organic", "vintage", "warm", "foldable", "tiny", "blue", "soft"}
	things     = []string{"socks", "scarf", "jacket", "lamp", "kettle", "notebook", "backpack", "mug", "blanket", "gloves", "boots", "bottle", "chair", "hat"}
	queries    = []string{"wool socks", "winter jacket", "desk lamp", "gift for dad", "kettle 1.5l", "rucksack", "hiking boots 42", "scarf red", "notebook a5", "blanket", "thermos", "ski gloves", "mug set", "rain hat", "chair oak", "sale"}
	carriers   = []string{"parcel", "express", "pick-up point", "bicycle courier"}
	providers  = []string{"northpay", "cardio", "paylane"}
	reasons    = []string{"insufficient funds", "card expired", "limit reached", "wrong security code", "issuer unavailable"}
	gifts      = []string{"wrap", "card", "ribbon"}
	coupons    = []struct {
		code    string
		percent int64
	}{{"WINTER10", 10}, {"WELCOME5", 5}, {"FRIENDS15", 15}, {"SOCKS20", 20}}
)

// productName is what a product is called, with its number.
func (v *visit) productName() string {
	n := v.rng.IntN(4000)
	h := mix(uint64(n))
	return fmt.Sprintf("%s %s #%d", adjectives[h%uint64(len(adjectives))], things[h>>8%uint64(len(things))], n)
}
