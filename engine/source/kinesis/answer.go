package kinesis

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// getRecords makes the call with the SDK, which signs, sends and knows errors,
// but reads the answer by itself (readPage).
func (s *Source) getRecords(ctx context.Context, iterator *string, into *scratch) error {
	out, err := s.client.GetRecords(ctx, &sdk.GetRecordsInput{ShardIterator: iterator, Limit: aws.Int32(recordsACall)}, into.reads)
	if err != nil {
		return err
	}
	if !out.ResultMetadata.Has(pageKey{}) {
		return fmt.Errorf("read the records of stream %s: the answer was not read", s.config.Stream)
	}
	return nil
}

// pageKey is in the metadata of an answer that was read.
type pageKey struct{}

func (s *scratch) reads(o *sdk.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		// The last of the step is nearest to the network: what reads the answer
		// after it finds it empty.
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("ReadPage", s.readAnswer), middleware.After)
	})
}

// readAnswer takes the body of a good answer away and makes it the page. Errors
// are left to the SDK.
func (s *scratch) readAnswer(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || resp.StatusCode != http.StatusOK {
		return out, meta, err
	}
	err = s.readPage(resp.Body)
	if closed := resp.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return out, meta, &smithy.DeserializationError{Err: err}
	}
	resp.Body = http.NoBody
	meta.Set(pageKey{}, true)
	return out, meta, nil
}
