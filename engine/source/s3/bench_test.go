package s3

import (
	"fmt"
	"io"
	"sync"
	"testing"

	"tidemark.dev/tidemark/engine"
)

// BenchmarkDownload reads 16 objects of 4 MiB, eight at a time.
func BenchmarkDownload(b *testing.B) {
	const size, workers = 4 << 20, 8
	server, dir := bucket(b)
	objects := map[string]string{}
	for i := range 16 {
		objects[fmt.Sprintf("%02d", i)] = letters(size)
	}
	drop(b, dir, objects)
	s := source(b, server.Endpoint, "s3://logs")
	found := list(b, s)
	b.SetBytes(int64(len(found)) * size)
	for b.Loop() {
		work := make(chan engine.Object)
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for o := range work {
					r, err := s.Open(b.Context(), o)
					if err != nil {
						b.Error(err)
						continue
					}
					if n, err := io.Copy(io.Discard, r); err != nil || n != size {
						b.Errorf("%s: %d bytes, %v", o.Key, n, err)
					}
					r.Close()
				}
			})
		}
		for _, o := range found {
			work <- o
		}
		close(work)
		all.Wait()
	}
}
