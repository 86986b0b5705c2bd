package kinesis

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go/logging"

	"tidemark.dev/tidemark/engine"
)

const (
	connectIn = 10 * time.Second
	answerIn  = 30 * time.Second
	// connections is how many shards are read at once over kept connections.
	connections = 64
	// fallbackRegion signs requests when nobody names one.
	fallbackRegion = "us-east-1"
)

// connect makes the SDK's client. It reads configuration and sends nothing.
// Requests are repeated by the readers here, who know what may be: the SDK
// repeats none.
func connect(ctx context.Context, c Config) (*sdk.Client, error) {
	loaded, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = connections, connections
			t.TLSHandshakeTimeout, t.ResponseHeaderTimeout = connectIn, answerIn
		})),
		config.WithRegion(c.Region),
		config.WithSharedConfigProfile(c.Profile),
		config.WithLogger(logging.Nop{}),
	)
	if err != nil {
		return nil, engine.Errorf(engine.Unavailable, "read the AWS configuration of source "+c.Name, "%w", err).
			WithHint("check ~/.aws/config and the profile's name")
	}
	if loaded.Region == "" {
		loaded.Region = regionOf(c.Stream)
	}
	return sdk.NewFromConfig(loaded, func(o *sdk.Options) {
		o.Retryer = aws.NopRetryer{}
		if c.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.Endpoint)
		}
	}), nil
}

// regionOf reads the region from an ARN.
func regionOf(stream string) string {
	if parts := strings.Split(stream, ":"); len(parts) > 3 && parts[0] == "arn" && parts[3] != "" {
		return parts[3]
	}
	return fallbackRegion
}

// named gives the stream as requests want it: by ARN or by name.
func (c Config) named() (name, arn *string) {
	if strings.HasPrefix(c.Stream, "arn:") {
		return nil, aws.String(c.Stream)
	}
	return aws.String(c.Stream), nil
}
