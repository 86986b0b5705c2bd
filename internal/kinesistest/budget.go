package kinesistest

import "time"

// Limits of one shard, shared by all who read it.
const (
	readsPerSecond = 5
	bytesPerSecond = 2 << 20
)

// budget is what is left of a shard's limits in the present second.
type budget struct {
	second time.Time
	reads  int
	// until then the bytes of earlier answers are paid off.
	until time.Time
}

func (b *budget) take(now time.Time, shard string) error {
	second := now.Truncate(time.Second)
	if !b.second.Equal(second) {
		b.second, b.reads = second, 0
	}
	if b.reads >= readsPerSecond || now.Before(b.until) {
		return fail("ProvisionedThroughputExceededException", "Rate exceeded for shard "+shard+" in stream under account "+Account+".")
	}
	b.reads++
	return nil
}

func (b *budget) spend(now time.Time, size int) {
	if over := size - bytesPerSecond; over > 0 {
		b.until = now.Add(time.Duration(float64(size) / bytesPerSecond * float64(time.Second)))
	}
}
