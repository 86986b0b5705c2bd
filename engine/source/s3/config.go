package s3

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/glob"
)

// Config says what a source reads and how it gets there.
type Config struct {
	// Name is what the workspace calls the source.
	Name string
	// URL is s3://bucket/prefix, where the prefix is a glob.Pattern: it takes
	// the key of that name and all keys beneath it.
	URL string
	// Endpoint is the address of a server other than AWS, as a URL.
	Endpoint string
	// Region is where the bucket lies; empty takes it from the environment or
	// the profile, else us-east-1.
	Region string
	// Profile names a profile of the AWS configuration files. Without it the
	// default chain of credentials applies: environment, profile, role.
	Profile string
	// RoleARN is a role that the credentials assume, by AWS STS, for all
	// requests of this source; empty for none.
	RoleARN string
	// PathStyle puts the bucket into the path of requests instead of the host
	// name, as most servers other than AWS want it.
	PathStyle bool

	// PageSize is how many keys a listing asks for at once; 0 is the server's
	// choice, usually 1000.
	PageSize int32
	// Retry is how requests that fail for a moment are repeated.
	Retry Retry
	// Stall is how long a download may stand still before it is taken up anew;
	// 0 is 30 seconds.
	Stall time.Duration
}

const defaultStall = 30 * time.Second

// bucketName is what S3 and its lookalikes allow, of two characters or more and
// at most maxBucket. A colon would be an ARN. (A count in the expression would
// take every start of the program a millisecond.)
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]+$`)

const maxBucket = 255

// parseURL splits s3://bucket/prefix.
func parseURL(text string) (bucket string, prefix glob.Pattern, err error) {
	op := "read the url " + text
	rest, ok := strings.CutPrefix(text, "s3://")
	if !ok {
		return "", prefix, engine.Errorf(engine.Invalid, op, "it does not begin with s3://").
			WithHint("write s3://BUCKET/PREFIX/")
	}
	bucket, key, _ := strings.Cut(rest, "/")
	if len(bucket) > maxBucket || !bucketName.MatchString(bucket) {
		return "", prefix, engine.Errorf(engine.Invalid, op, "%q is no name of a bucket", bucket).
			WithHint("write s3://BUCKET/PREFIX/; of an access point, write its alias")
	}
	if prefix, err = glob.Parse(key); err != nil {
		return "", prefix, engine.Errorf(engine.Invalid, op, "%w", err)
	}
	return bucket, prefix, nil
}

// checkEndpoint refuses what is no address of a server.
func checkEndpoint(text string) error {
	fail := func(err error) error {
		return (&engine.Error{Kind: engine.Invalid, Op: "read the endpoint of an S3 source", Err: err}).
			WithHint("write http://HOST:PORT or https://HOST")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fail(errors.New("it is not a URL")) // url's own error repeats it, secrets included
	case u.User != nil:
		return fail(errors.New("it carries a user name; credentials belong in the environment or a profile"))
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fail(fmt.Errorf("%q does not name a server", text))
	}
	return nil
}
