package kinesis_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"tidemark.dev/tidemark/internal/clocktest"
	"tidemark.dev/tidemark/internal/kinesistest"
)

// TestKinesalite is a second opinion: an endpoint that others wrote. It runs
// where make kinesalite has installed it.
func TestKinesalite(t *testing.T) {
	program, err := filepath.Abs("../../../.tools/kinesalite/node_modules/kinesalite/cli.js")
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		t.Skipf("SKIPPED: there is no kinesalite: run make kinesalite (%v)", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr) //nolint:forcetypeassert // it listens on TCP
	l.Close()
	cmd := exec.Command("node", program, "--port", fmt.Sprint(address.Port), "--createStreamMs", "0", "--updateStreamMs", "0")
	if err := cmd.Start(); err != nil {
		t.Skipf("SKIPPED: kinesalite does not start: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	w := &world{&kinesistest.Server{URL: "http://" + address.String()}, clocktest.New(time.Now()), t}
	client := sdk.New(sdk.Options{
		Region: kinesistest.Region, BaseEndpoint: aws.String(w.URL), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""), RetryMaxAttempts: 30,
	})
	eventually(t, "create the stream", func() error {
		_, err := client.CreateStream(t.Context(), &sdk.CreateStreamInput{StreamName: aws.String("logs"), ShardCount: aws.Int32(2)})
		return err
	})
	put := func(from, n int) {
		var entries []types.PutRecordsRequestEntry
		for i := from; i < from+n; i++ {
			entries = append(entries, types.PutRecordsRequestEntry{PartitionKey: aws.String(fmt.Sprint("key-", i)), Data: fmt.Appendf(nil, `{"id":%d}`, i)})
		}
		eventually(t, "put records", func() error {
			out, err := client.PutRecords(t.Context(), &sdk.PutRecordsInput{StreamName: aws.String("logs"), Records: entries})
			if err == nil && aws.ToInt32(out.FailedRecordCount) > 0 {
				t.Fatalf("%d records were refused", *out.FailedRecordCount)
			}
			return err
		})
	}
	put(0, 200)
	eventually(t, "split a shard", func() error {
		_, err := client.SplitShard(t.Context(), &sdk.SplitShardInput{
			StreamName: aws.String("logs"), ShardToSplit: aws.String("shardId-000000000000"), NewStartingHashKey: aws.String("42535295865117307932921825928971026432"),
		})
		return err
	})
	eventually(t, "see the shards", func() error {
		r, err := w.source().Look(t.Context())
		if err == nil && len(r.Open) != 3 {
			err = fmt.Errorf("%d shards are open", len(r.Open))
		}
		return err
	})
	put(200, 200)
	r := newReading()
	source := w.source()
	if err := w.until(source, r, all(r, 400)); err != nil {
		t.Fatalf("%v: %d records, %+v", err, r.count(), source.Shards())
	}
	w.complete(r, 400)
	put(400, 100) // and again, from the checkpoints
	if err := w.until(w.source(), r, all(r, 500)); err != nil {
		t.Fatal(err)
	}
	w.complete(r, 500)
}

// eventually does something until it works.
func eventually(t *testing.T, what string, do func() error) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		err := do()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
