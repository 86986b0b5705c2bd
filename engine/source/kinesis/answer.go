package kinesis

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// getRecords makes the call with the SDK, which signs, sends and knows errors,
// but reads the answer by itself (readPage).
func (s *Source) getRecords(ctx context.Context, iterator *string) (*page, error) {
	out, err := s.client.GetRecords(ctx, &sdk.GetRecordsInput{ShardIterator: iterator, Limit: aws.Int32(recordsACall)}, readsPages)
	if err != nil {
		return nil, err
	}
	p, ok := out.ResultMetadata.Get(pageKey{}).(*page)
	if !ok {
		return nil, fmt.Errorf("read the records of stream %s: the answer was not read", s.config.Stream)
	}
	return p, nil
}

// pageKey is where the page lies in the metadata of an answer.
type pageKey struct{}

func readsPages(o *sdk.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		// The last of the step is nearest to the network: what reads the answer
		// after it finds it empty.
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("ReadPage", readAnswer), middleware.After)
	})
}

// answers are buffers for answers on their way.
var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readAnswer takes the body of a good answer away and puts a page into its
// metadata. Errors are left to the SDK.
func readAnswer(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, meta, err := next.HandleDeserialize(ctx, in)
	resp, ok := out.RawResponse.(*smithyhttp.Response)
	if err != nil || !ok || resp.StatusCode != http.StatusOK {
		return out, meta, err
	}
	p, err := takeBody(resp)
	if err != nil {
		return out, meta, &smithy.DeserializationError{Err: err}
	}
	meta.Set(pageKey{}, p)
	return out, meta, nil
}

func takeBody(resp *smithyhttp.Response) (*page, error) {
	b, _ := answers.Get().(*bytes.Buffer)
	b.Reset()
	defer answers.Put(b) // nothing of a page lies in it
	_, err := io.Copy(b, resp.Body)
	if closed := resp.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	resp.Body = http.NoBody
	return readPage(b.Bytes())
}
