package samples

import "time"

// service is one of the shop's services, or the probe that checks on them.
type service uint8

const (
	storefront service = iota
	catalog
	cart
	checkout
	payments
	probe
	serviceCount
)

var serviceNames = [serviceCount]string{"storefront", "catalog", "cart", "checkout", "payments", "probe"}

func (s service) String() string { return serviceNames[s] }

// level is a severity.
type level uint8

const (
	debug level = iota
	info
	warn
	fault
)

var levelNames = [...]string{"DEBUG", "INFO", "WARN", "ERROR"}

func (l level) String() string { return levelNames[l] }

// Kinds of record: what its field `type` says.
const (
	kindRequest = "request" // a request that a service answered
	kindLog     = "log"     // something a service had to say
	kindDevice  = "device"  // something a customer's phone noted, sent later
	kindDeploy  = "deploy"  // a new version took over
)

// record is one line of the logs. Empty members are left out when written,
// except where a comment says otherwise.
type record struct {
	at       time.Time // when it happened, as the writer's clock had it
	local    bool      // write ts with the region's offset instead of Z
	service  service
	level    level
	message  string
	kind     string
	trace    traceID
	span     uint64
	parent   uint64
	region   *region
	useCase  string
	version  string
	method   string
	route    string
	status   int64
	statusNA bool // write "N/A" for the status
	duration float64
	user     *user
	device   *device
	ip       string
	email    string
	calls    []call // nil is left out, an empty list is written
	cart     *basket
	order    *order
	payment  *payment
	pool     *pool
	search   *search
	cache    string // hit or miss
	deploy   *deploy
	buffered bool
}

type traceID struct{ hi, lo uint64 }

// call is a request that a service made to another one while answering.
type call struct {
	service service
	ms      float64
	ok      bool
}

// basket is the cart as cart logs it: until schemaChange the total is whole
// and coupon and gifts have nothing in them yet.
type basket struct {
	id     uint64
	items  int64
	cents  int64
	modern bool
	coupon string
	off    int64
	gifts  []string
}

type order struct {
	id    uint64
	items int64
	cents int64
}

type payment struct {
	provider string
	cents    int64
	attempt  int64
}

// pool is the state of the database connections of payments.
type pool struct{ limit, inUse, waiting int64 }

type search struct {
	query   string
	results int64
}
