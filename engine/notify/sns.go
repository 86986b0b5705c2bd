package notify

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

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
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(t.Region), config.WithSharedConfigProfile(t.Profile))
	if err != nil {
		return engine.Errorf(engine.Invalid, "notify "+t.Name, "%w", err)
	}
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
