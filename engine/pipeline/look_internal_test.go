package pipeline

import (
	"testing"

	"pgregory.net/rapid"
)

// TestEndOfText compares with looking at one byte after the other.
func TestEndOfText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := []byte(rapid.StringOfN(rapid.SampledFrom([]rune(`ab\"`)), 0, 20, -1).Draw(t, "data"))
		want := -1
		for i := 0; i < len(data) && want < 0; i++ {
			switch data[i] {
			case '"':
				want = i
			case '\\':
				i++
			}
		}
		if got := endOfText(data, 0); got != want {
			t.Errorf("%s: %d, want %d", data, got, want)
		}
	})
}
