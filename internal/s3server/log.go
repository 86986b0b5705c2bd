package s3server

import (
	"bytes"
	"sync"
)

// logLimit bounds what is kept of a server's output.
const logLimit = 8 << 10

// logTail keeps the end of what a server printed, for the error of one that
// does not start.
type logTail struct {
	mu   sync.Mutex
	text []byte
}

// Write never fails.
func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if extra := len(l.text) - logLimit; extra > 0 {
		l.text = append(l.text[:0], l.text[extra:]...)
	}
	return len(p), nil
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.TrimSpace(l.text))
}
