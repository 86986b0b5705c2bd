package owner

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// A frame is one byte of kind, four of length (big endian) and the bytes.
const (
	stdoutFrame byte = 1
	stderrFrame byte = 2
	exitFrame   byte = 3 // four bytes of exit code; nothing follows
)

const (
	frameHeader = 5
	maxFrame    = 1 << 20
)

// frameWriter writes what a command prints as frames. Its streams may be used
// by several goroutines.
type frameWriter struct {
	mu    sync.Mutex
	w     io.Writer
	flush func() error
}

func newFrameWriter(w http.ResponseWriter) *frameWriter {
	w.Header().Set("Content-Type", "application/octet-stream")
	return &frameWriter{w: w, flush: http.NewResponseController(w).Flush}
}

func (f *frameWriter) write(kind byte, p []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	header := [frameHeader]byte{0: kind}
	binary.BigEndian.PutUint32(header[1:], uint32(len(p)))
	if _, err := f.w.Write(header[:]); err != nil {
		return err
	}
	if _, err := f.w.Write(p); err != nil {
		return err
	}
	return f.flush()
}

func (f *frameWriter) exit(code int) {
	// Nobody is left to be told if this fails.
	_ = f.write(exitFrame, binary.BigEndian.AppendUint32(nil, uint32(code)))
}

func (f *frameWriter) stream(kind byte) io.Writer { return frameStream{f, kind} }

type frameStream struct {
	frames *frameWriter
	kind   byte
}

func (s frameStream) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		part := p[n:min(len(p), n+maxFrame)]
		if err := s.frames.write(s.kind, part); err != nil {
			return n, err
		}
		n += len(part)
	}
	return len(p), nil
}

// copyFrames hands frames out until the exit code comes. Any error is that of
// the connection; what stdout and stderr do not take is dropped.
func copyFrames(r io.Reader, stdout, stderr io.Writer) (code int, err error) {
	var header [frameHeader]byte
	for {
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return 0, err
		}
		size := binary.BigEndian.Uint32(header[1:])
		if size > maxFrame {
			return 0, fmt.Errorf("a frame of %d bytes", size)
		}
		switch header[0] {
		case stdoutFrame:
			err = copyOut(stdout, r, size)
		case stderrFrame:
			err = copyOut(stderr, r, size)
		case exitFrame:
			var payload [4]byte
			if size != 4 {
				return 0, fmt.Errorf("an exit code of %d bytes", size)
			}
			_, err = io.ReadFull(r, payload[:])
			return int(int32(binary.BigEndian.Uint32(payload[:]))), err
		default:
			return 0, fmt.Errorf("a frame of unknown kind %d", header[0])
		}
		if err != nil {
			return 0, err
		}
	}
}

func copyOut(w io.Writer, r io.Reader, size uint32) error {
	p := make([]byte, size)
	if _, err := io.ReadFull(r, p); err != nil {
		return err
	}
	_, err := w.Write(p)
	return err
}
