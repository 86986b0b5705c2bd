package s3

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

// Limits of a connection. A server that has not begun to answer by answerIn
// is asked again.
const (
	connectIn = 10 * time.Second
	answerIn  = 30 * time.Second
	// idle is how many connections are kept for the next requests; more than
	// anybody downloads at once.
	idle = 64
)

// fallbackRegion signs requests when nobody names a region; servers other than
// AWS rarely mind.
const fallbackRegion = "us-east-1"

// connect makes the SDK's client. It reads configuration and sends nothing.
func connect(ctx context.Context, c Config, requests *atomic.Int64) (*sdk.Client, error) {
	loaded, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(httpClient()),
		config.WithRegion(c.Region),
		config.WithSharedConfigProfile(c.Profile),
		config.WithLogger(logging.Nop{}),
	)
	if err != nil {
		return nil, configError(c, err)
	}
	if loaded.Region == "" {
		loaded.Region = fallbackRegion
	}
	if c.RoleARN != "" {
		assumeRole(&loaded, c)
	}
	return sdk.NewFromConfig(loaded, func(o *sdk.Options) {
		o.HTTPClient = counter{o.HTTPClient, requests}
		o.Credentials = credentials{o.Credentials}
		o.Retryer = c.Retry.sdk()
		o.UsePathStyle = c.PathStyle
		if c.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.Endpoint)
		}
	}), nil
}

// assumeRole puts a role before the credentials, which from then on sign
// nothing but the question for it.
func assumeRole(loaded *aws.Config, c Config) {
	asks := sts.NewFromConfig(*loaded, func(o *sts.Options) {
		o.Credentials = credentials{o.Credentials}
		o.Retryer = c.Retry.sdk()
	})
	role := stscreds.NewAssumeRoleProvider(asks, c.RoleARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "tidemark"
	})
	loaded.Credentials = aws.NewCredentialsCache(roleCredentials{role})
}

// roleCredentials marks the errors of a role that cannot be assumed.
type roleCredentials struct{ aws.CredentialsProvider }

func (c roleCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return found, &roleError{err}
	}
	return found, nil
}

type roleError struct{ error }

func (e *roleError) Unwrap() error { return e.error }

// httpClient is tuned for many downloads at once. It never undoes a
// Content-Encoding: objects are wanted as stored.
func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.DisableCompression = true
		t.MaxIdleConns, t.MaxIdleConnsPerHost = idle, idle
		t.TLSHandshakeTimeout = connectIn
		t.ResponseHeaderTimeout = answerIn
	})
}

// counter counts the requests that are sent, repetitions included.
type counter struct {
	sdk.HTTPClient
	requests *atomic.Int64
}

func (c counter) Do(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.HTTPClient.Do(r)
}

// credentials marks the errors of a provider, to tell them from the server's.
type credentials struct{ aws.CredentialsProvider }

func (c credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	found, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return found, &credentialsError{err}
	}
	return found, nil
}

type credentialsError struct{ error }

func (e *credentialsError) Unwrap() error { return e.error }
