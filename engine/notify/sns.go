package notify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"tidemark.dev/tidemark/engine"
)

// topic publishes messages to Amazon SNS; credentials are those of AWS's own
// configuration.
type topic struct {
	Config
	opt Options
}

func (t *topic) Send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, t.opt.Timeout)
	defer cancel()
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(t.Region), config.WithSharedConfigProfile(t.Profile), config.WithLogger(logging.Nop{}))
	var unknown config.SharedConfigProfileNotExistError
	if errors.As(err, &unknown) {
		return engine.Errorf(engine.Invalid, "notify "+t.Name, "there is no profile %q", t.Profile).
			WithHint("name one of ~/.aws/config, or write it with: aws configure --profile %s", t.Profile)
	}
	if err != nil {
		return engine.Errorf(engine.Invalid, "notify "+t.Name, "%w", err)
	}
	loaded.Credentials = found{loaded.Credentials}
	if t.RoleARN != "" {
		loaded.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), t.RoleARN))
	}
	client := sns.NewFromConfig(loaded, func(o *sns.Options) {
		o.Retryer = aws.NopRetryer{} // the outbox tries again
		o.HTTPClient = t.client()
		if t.Endpoint != "" {
			o.BaseEndpoint = aws.String(t.Endpoint)
		}
	})
	_, err = client.Publish(ctx, &sns.PublishInput{
		TopicArn: aws.String(t.Topic), Subject: aws.String(cut(m.Title, 100)), Message: aws.String(m.Plain()),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"kind": {DataType: aws.String("String"), StringValue: aws.String(m.Kind)},
			"key":  {DataType: aws.String("String"), StringValue: aws.String(m.Key)},
		},
	})
	if err == nil {
		return nil
	}
	if e := inside(err); e != nil {
		return e
	}
	if errors.Is(err, errNotFound) {
		return engine.Errorf(engine.Unavailable, "notify "+t.Name, "no credentials were found that sign for AWS").
			WithHint("export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in (aws sso login), or set profile to one of ~/.aws/config")
	}
	if silent(err) {
		return t.opt.noAnswer(t.Name)
	}
	kind := engine.Unavailable
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorFault() == smithy.FaultClient && api.ErrorCode() != "Throttled" {
		kind = engine.Invalid
	}
	return engine.Errorf(kind, "notify "+t.Name, "%w", err)
}

// client sends to the topic's endpoint. That of AWS itself may lie in a
// private network, which is what its endpoints in a VPC do.
func (t *topic) client() *http.Client {
	w := wall{opt: t.opt, allow: t.Allow}
	if u, err := url.Parse(t.Endpoint); err == nil && t.Endpoint != "" {
		w.own = u.Hostname()
	} else {
		w.own, w.private = "sns."+t.Region+".amazonaws.com", true
	}
	return w.client()
}

// found marks the errors of credentials, to tell them from the server's.
type found struct{ aws.CredentialsProvider }

var errNotFound = errors.New("no credentials")

func (f found) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c, err := f.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return c, fmt.Errorf("%w: %w", errNotFound, err)
	}
	return c, nil
}
