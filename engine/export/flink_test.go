package export

import (
	"errors"
	"testing"
)

// Flink takes sessions of groups by one path; by two, it does not plan the job.
func TestFlinkSessionsHaveOneKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		by      string
		refused bool
	}{{"group_by: [service]", false}, {"group_by: [service, level]", true}} {
		_, err := Write("flink", []Rule{small(t, "window: {session: {gap: 5m}}", c.by)}, Settings{Transformed: true})
		var refusal *Refusal
		if errors.As(err, &refusal) != c.refused || !c.refused && err != nil {
			t.Errorf("%s: %v", c.by, err)
		}
	}
}
