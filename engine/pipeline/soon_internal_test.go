package pipeline

import (
	"testing"
	"time"
)

// TestCommitsFollowTheReads: whenever commits begin, what is read once a second
// waits a quarter of a second for its commit after a few of them, and commits
// are never closer than three quarters.
func TestCommitsFollowTheReads(t *testing.T) {
	t.Parallel()
	l := &live{opt: LiveOptions{Every: time.Second}}
	for begin := time.Duration(0); begin < time.Second; begin += 50 * time.Millisecond {
		flushed, waits := begin-time.Second, time.Duration(0)
		for read := time.Duration(0); read < 10*time.Second; read += time.Second {
			if flushed > read { // it would come into a later batch
				t.Fatalf("begun at %v, a commit at %v comes after the read at %v", begin, flushed, read)
			}
			waits = l.soon(read-flushed, l.opt.Every/4)
			if read+waits-flushed < 750*time.Millisecond {
				t.Errorf("begun at %v, commits are %v apart", begin, read+waits-flushed)
			}
			flushed = read + waits
		}
		if waits != 250*time.Millisecond {
			t.Errorf("begun at %v, a read waits %v", begin, waits)
		}
	}
}
