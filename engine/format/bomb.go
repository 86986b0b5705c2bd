package format

import (
	"io"

	"tidemark.dev/tidemark/engine"
)

// What an object may unpack to: past bombBytes, no more than bombRatio bytes
// for each packed one. Logs pack to a tenth or a fiftieth; what packs to less
// than a thousandth was made to fill disks.
const (
	bombBytes = 256 << 20
	bombRatio = 500
)

// bomb watches how much an object unpacks to.
type bomb struct {
	packed   *counted
	unpacked int64
}

func (b *bomb) took(n int) error {
	b.unpacked += int64(n)
	if b.unpacked > bombBytes && b.unpacked > bombRatio*b.packed.n {
		return engine.Errorf(engine.Invalid, "", "it unpacks to more than %d times its size, which no log does", bombRatio)
	}
	return nil
}

// counted counts what is read of a reader.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
