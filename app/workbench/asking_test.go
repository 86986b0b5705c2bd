package workbench

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestTailsStandAside for a question: as long as it takes, if that is short,
// and never for more than half of the time.
func TestTailsStandAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a asking
		aside := func() time.Duration {
			began := time.Now()
			a.aside(t.Context())
			return time.Since(began)
		}
		if d := aside(); d != 0 {
			t.Errorf("nobody asks, and it waited %v", d)
		}
		end := a.begin()
		time.AfterFunc(30*time.Millisecond, end)
		if d := aside(); d != 30*time.Millisecond {
			t.Errorf("a short question, and it waited %v", d)
		}
		end = a.begin()
		if d := aside(); d != 0 {
			t.Errorf("it has not worked yet, and it waited %v", d)
		}
		time.Sleep(20 * time.Millisecond) // at work
		if d := aside(); d != 20*time.Millisecond {
			t.Errorf("it has worked for 20 ms, and it waited %v", d)
		}
		time.Sleep(150 * time.Millisecond)
		if d := aside(); d != 60*time.Millisecond {
			t.Errorf("60 ms of what comes first were left, and it waited %v", d)
		}
		time.Sleep(time.Hour)
		if d := aside(); d != 0 {
			t.Errorf("a question that takes an hour, and it waited %v", d)
		}
		end()
	})
}
