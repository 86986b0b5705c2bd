package format

import (
	"bufio"
	"io"
	"slices"

	"tidemark.dev/tidemark/engine"
)

// What an object may unpack to: past bombBytes, no more than some number of
// bytes for each packed one. Logs pack to a tenth or a fiftieth; one short line
// that gzip has over and over packs to less than a three-hundredth.
const (
	bombBytes = 64 << 20
	// UnpackRatio is that number where a hint has none.
	UnpackRatio = 250
)

// bomb watches how much an object unpacks to.
type bomb struct {
	packed   *counted
	unpacked int64
	ratio    int64
}

func newBomb(packed *counted, ratio int64) *bomb {
	if ratio <= 0 {
		ratio = UnpackRatio
	}
	return &bomb{packed: packed, ratio: ratio}
}

func (b *bomb) took(n int) error {
	b.unpacked += int64(n)
	if b.unpacked > bombBytes && b.unpacked > b.ratio*b.packed.n {
		return engine.Errorf(engine.Invalid, "", "it unpacks to more than %d times its size, which no log does; limits.unpack in tidemark.yaml allows more", b.ratio)
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

const (
	// deflated is the most bytes that deflate, and so gzip, makes of one.
	deflated = 1032
	// ahead is more than what decompression has read and not unpacked yet.
	ahead = 1 << 20
	// gzipAhead is the same for gzip alone.
	gzipAhead = 2 * headSize
)

// Weigh unpacks the beginning of an object of size bytes, keeping nothing, as
// far as it takes to see whether a Stream of it would be refused for what it
// unpacks to; that is the error. So an object can be refused before anything of
// it is taken. One that begins as logs do, for half a megabyte or, if it is no
// gzip, one and a half, is left to its Stream, which refuses it where it stops
// being one. It says nothing of data that is damaged. ratio is that of a Hint.
func Weigh(r io.Reader, size, ratio int64) error {
	packed := &counted{r: r}
	s := &Stream{r: bufio.NewReaderSize(packed, headSize), bomb: newBomb(packed, ratio)}
	defer s.Close()
	for range maxLayers {
		if unpacked, err := s.peel(); err != nil || !unpacked {
			break
		}
	}
	if s.Plain() {
		return nil
	}
	plain := make([]byte, 256<<10)
	for !s.harmless(size) && !s.usual() {
		n, err := s.r.Read(plain)
		if bad := s.bomb.took(n); bad != nil {
			return bad
		}
		if err != nil {
			return nil //nolint:nilerr // who decodes it says what is wrong with it
		}
	}
	return nil
}

// usual reports whether so much has been unpacked that a bomb would have shown,
// and it packs no better than logs do: less than a quarter of what is allowed.
func (s *Stream) usual() bool {
	back := int64(ahead)
	if slices.Equal(s.Layers, []string{"gzip"}) {
		back = gzipAhead
	}
	n := s.bomb.packed.n - back
	return n >= ahead/2 && s.bomb.unpacked < max(1, s.bomb.ratio/4)*n
}

// harmless reports whether what is left of an object of size bytes cannot make
// it a bomb.
func (s *Stream) harmless(size int64) bool {
	if !slices.Equal(s.Layers, []string{"gzip"}) {
		return false
	}
	left := size - max(0, s.bomb.packed.n-ahead)
	most := s.bomb.unpacked + deflated*left
	return most <= max(bombBytes, s.bomb.ratio*size)
}
