package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"tidemark.dev/tidemark/engine"
)

// told is a cause in plain words. The SDK's own words, which name its
// operations and stack, stay in the chain for the log.
type told struct {
	text  string
	cause error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.cause }

// diagnosis is what went wrong and what to do about it.
type diagnosis struct {
	kind       engine.Kind
	text, hint string
}

func (d diagnosis) error(op string, cause error) error {
	return &engine.Error{Kind: d.kind, Op: op, Hint: d.hint, Fault: faultOf(cause), Err: &told{d.text, cause}}
}

// faultOf sorts an error of the SDK for those who watch over sources.
func faultOf(err error) engine.Fault {
	var answer smithy.APIError
	if errors.As(err, new(*credentialsError)) {
		return engine.FaultCredentials
	}
	if !errors.As(err, &answer) {
		return engine.FaultUnreachable
	}
	switch answer.ErrorCode() {
	case "NoSuchBucket", "NoSuchKey", "NotFound":
		return engine.FaultMissing
	case "AccessDenied", "Forbidden", "AllAccessDisabled":
		return engine.FaultDenied
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidClientTokenId", "XAdminUserNotFound",
		"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired":
		return engine.FaultCredentials
	case "RequestTimeTooSkewed":
		return engine.FaultClock
	case "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "ServiceUnavailable", "Busy":
		return engine.FaultThrottled
	}
	return engine.FaultUnreachable
}

// failure explains why an operation failed.
func (s *Source) failure(ctx context.Context, op string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return engine.Errorf(engine.Canceled, op, "%w", ended)
	}
	return s.diagnose(err).error(op, err)
}

// diagnose goes from the most to the least certain sign.
func (s *Source) diagnose(err error) diagnosis {
	var (
		noCredentials *credentialsError
		noRole        *roleError
		broken        *brokenError
		answer        smithy.APIError
	)
	switch {
	case errors.As(err, &noRole):
		return s.role(noRole)
	case errors.As(err, &noCredentials):
		return s.credentials(noCredentials)
	case errors.As(err, &broken):
		return diagnosis{engine.Unavailable, broken.text(), "check the network, then pull again"}
	case errors.Is(err, errNotS3):
		return s.strange(http.StatusOK)
	case errors.Is(err, errRound):
		return diagnosis{engine.Unavailable, errRound.Error(), "check endpoint: it names the same page as the next one again and again"}
	case errors.As(err, &answer):
		return s.answered(answer, err)
	case status(err) != 0:
		return s.strange(status(err))
	}
	return s.unreachable(err)
}

// brokenError is a download that broke again and again.
type brokenError struct {
	times    int
	at, size int64
	cause    error
}

func (e *brokenError) Error() string { return e.text() + ": " + e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

func (e *brokenError) text() string {
	text := fmt.Sprintf("the download broke %d times, the last at byte %d of %d", e.times, e.at, e.size)
	if errors.Is(e.cause, errStalled) {
		text += ": " + errStalled.Error()
	}
	return text
}

// errNotS3 is an answer that is well-formed and means nothing.
var errNotS3 = errors.New("the answer is no listing")

// errRound is a listing whose next page was already there.
var errRound = errors.New("the listing goes round in circles")

// status is that of the answer which an error came with, or 0 if there was none.
func status(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}

// header is the header of the answer that an error came with.
func header(err error) http.Header {
	if status(err) == 0 {
		return http.Header{}
	}
	var response *smithyhttp.ResponseError
	errors.As(err, &response)
	return response.Response.Header
}

// answered explains an error that an S3 server answered with.
func (s *Source) answered(answer smithy.APIError, err error) diagnosis {
	header := header(err)
	code := answer.ErrorCode()
	switch code {
	case "PreconditionFailed", "InvalidRange": // only bytes that were listed are asked for
		return diagnosis{engine.Conflict, "the object has changed since it was listed", "pull again"}
	case "NoSuchBucket":
		return diagnosis{engine.NotFound, "there is no bucket " + s.bucket, s.bucketHint()}
	case "NoSuchKey", "NotFound":
		return diagnosis{engine.NotFound, "the object is gone", "it was there when it was listed; pull again"}
	case "AccessDenied", "Forbidden", "AllAccessDisabled":
		return diagnosis{
			engine.Unavailable, "access denied",
			"let these credentials use s3:ListBucket on the bucket and s3:GetObject on its objects (and kms:Decrypt, if they are encrypted), or set profile",
		}
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidClientTokenId", "XAdminUserNotFound":
		return diagnosis{engine.Unavailable, "the credentials are not accepted (" + code + ")", credentialsHint}
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired":
		return diagnosis{engine.Unavailable, "the credentials have expired", s.loginHint()}
	case "RequestTimeTooSkewed":
		return diagnosis{engine.Unavailable, "this machine's clock and the server's are too far apart", s.clockHint(header)}
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "MovedPermanently":
		return s.elsewhere(answer, header)
	case "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "ServiceUnavailable", "Busy":
		return diagnosis{engine.Unavailable, "the server is overloaded (" + code + ")", "pull again later; what has been pulled stays"}
	case "InvalidObjectState":
		return diagnosis{engine.Unavailable, "the object lies in cold storage", "restore it first (aws s3api restore-object), or leave it out of the prefix"}
	case "InvalidBucketName":
		return diagnosis{engine.Invalid, fmt.Sprintf("%q is no name of a bucket", s.bucket), "correct the url of the source"}
	}
	if status(err) >= http.StatusInternalServerError {
		return diagnosis{engine.Unavailable, "the server failed (" + code + ")", "pull again later; what has been pulled stays"}
	}
	text := code
	if m := answer.ErrorMessage(); m != "" {
		text += ": " + m
	}
	return diagnosis{engine.Unavailable, "the server answered " + text, ""}
}

// expecting finds the region that a server wants in its own words.
var expecting = regexp.MustCompile(`expecting ['"]([a-z0-9-]+)['"]`)

// elsewhere explains that the bucket lies in another region.
func (s *Source) elsewhere(answer smithy.APIError, header http.Header) diagnosis {
	region := header.Get("X-Amz-Bucket-Region")
	if m := expecting.FindStringSubmatch(answer.ErrorMessage()); region == "" && m != nil {
		region = m[1]
	}
	text := fmt.Sprintf("the bucket %s is not in the region %s", s.bucket, s.client.Options().Region)
	if region == "" {
		return diagnosis{engine.Invalid, text, "set region to where the bucket lies, and endpoint if it is not at AWS"}
	}
	return diagnosis{engine.Invalid, text, "set region: " + region}
}

// strange explains an answer that is not S3's.
func (s *Source) strange(status int) diagnosis {
	return diagnosis{
		engine.Unavailable, fmt.Sprintf("%s does not answer as an S3 server does (HTTP status %d)", s.server(), status),
		"check endpoint: is it the address of the S3 service, and not of its console or of a proxy?",
	}
}

// credentialsHint is the way to give credentials.
const credentialsHint = "export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, if there is one), or set profile to one of ~/.aws/config"

// credentials explains that none could be found or fetched. Providers' errors
// may quote what a helper program printed, so they are not shown.
func (s *Source) credentials(err *credentialsError) diagnosis {
	var sso *ssocreds.InvalidTokenError
	if errors.As(err, &sso) {
		return diagnosis{engine.Unavailable, "the sign-in has expired", s.loginHint()}
	}
	return diagnosis{engine.Unavailable, "no AWS credentials were found", credentialsHint}
}

// role explains that the role cannot be had.
func (s *Source) role(err *roleError) diagnosis {
	var own *credentialsError
	if errors.As(err.error, &own) {
		return s.credentials(own)
	}
	why := "STS cannot be reached"
	var answer smithy.APIError
	if errors.As(err, &answer) {
		why = "STS answers " + answer.ErrorCode()
	}
	return diagnosis{
		engine.Unavailable, fmt.Sprintf("the role %s cannot be assumed: %s", s.config.RoleARN, why),
		"let these credentials use sts:AssumeRole on it and let the role trust them, or correct role_arn or profile",
	}
}

func (s *Source) loginHint() string {
	if s.config.Profile == "" {
		return "renew them: export new ones, or sign in (aws sso login) and set profile"
	}
	return "sign in again: aws sso login --profile " + s.config.Profile
}

func (s *Source) clockHint(header http.Header) string {
	if date := header.Get("Date"); date != "" {
		return "set this machine's clock; the server's says " + date
	}
	return "set this machine's clock"
}

func (s *Source) bucketHint() string {
	if s.config.Endpoint == "" {
		return "correct the url of the source; if the bucket is not at AWS, set endpoint"
	}
	if !s.config.PathStyle {
		return "correct the url of the source, or set path_style: true, as most servers other than AWS need"
	}
	return "correct the url of the source"
}

// configError explains configuration files of AWS that cannot be used.
func configError(c Config, err error) error {
	const op = "read the AWS configuration"
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		return diagnosis{
			engine.Invalid, fmt.Sprintf("there is no profile %q", c.Profile),
			"name one of ~/.aws/config, or write it with: aws configure --profile " + c.Profile,
		}.error(op, err)
	}
	return diagnosis{
		engine.Invalid, "it cannot be used: " + err.Error(),
		"correct ~/.aws/config, ~/.aws/credentials or the AWS_ variables of the environment",
	}.error(op, err)
}
