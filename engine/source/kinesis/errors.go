package kinesis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"tidemark.dev/tidemark/engine"
)

// trouble is what an error means for a reader.
type trouble int

const (
	// passing troubles are tried again.
	passing trouble = iota
	throttled
	// expired: the iterator or token is too old.
	expired
	// gone: the stream or the shard is not there.
	gone
	// badPosition: the sequence number is none of the shard's, any more.
	badPosition
	// locked: somebody has to do something first, such as sign in.
	locked
	// refused: asking again will not help.
	refused
	canceled
)

// diagnose sorts an error of the SDK.
func diagnose(err error) trouble {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
		return canceled
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		if strings.Contains(err.Error(), "get identity") || strings.Contains(err.Error(), "credentials") {
			return locked
		}
		return passing
	}
	switch api.ErrorCode() {
	case "ProvisionedThroughputExceededException", "LimitExceededException", "KMSThrottlingException", "ThrottlingException", "Throttling":
		return throttled
	case "ExpiredIteratorException", "ExpiredNextTokenException":
		return expired
	case "ResourceNotFoundException":
		return gone
	case "InvalidArgumentException":
		return badPosition
	case "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidSignatureException", "MissingAuthenticationTokenException", "RequestExpired":
		return locked
	case "AccessDeniedException", "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException", "KMSOptInRequired", "ValidationException", "UnknownOperationException", "IncompleteSignature", "OptInRequired":
		return refused
	}
	return passing
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout() && !errors.Is(err, context.Canceled)
}

// explain makes an error for people out of one of the SDK.
func (c Config) explain(doing string, err error) error {
	op := fmt.Sprintf("%s stream %s of source %s", doing, c.Stream, c.Name)
	kind, hint, fault := engine.Unavailable, "it is tried again; check the network and the endpoint", engine.FaultUnreachable
	switch diagnose(err) {
	case canceled:
		kind, hint, fault = engine.Canceled, "", ""
	case gone:
		kind, hint, fault = engine.NotFound, "check the stream's name, region and account", engine.FaultMissing
	case locked:
		fault, hint = engine.FaultCredentials, "sign in again (aws sso login) or set credentials; the tail goes on by itself"
	case refused:
		fault, hint = engine.FaultDenied, "the credentials need kinesis:DescribeStreamSummary, ListShards, GetShardIterator and GetRecords, and kms:Decrypt for an encrypted stream"
	case throttled:
		fault, hint = engine.FaultThrottled, "others read the same shards; set polite: true or wait"
	}
	e := &engine.Error{Kind: kind, Op: op, Fault: fault, Err: errors.New(said(err))}
	if hint != "" {
		return e.WithHint("%s", hint)
	}
	return e
}

// said is what the service itself said, without the SDK's wrapping.
func said(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		if api.ErrorMessage() == "" {
			return api.ErrorCode()
		}
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	if errors.Is(err, context.Canceled) {
		return "canceled"
	}
	return err.Error()
}
