package glob

import "testing"

func TestFilter(t *testing.T) {
	for _, c := range []struct {
		include, exclude []string
		yes, no          []string
	}{
		{nil, nil, []string{"a", "a/b"}, nil},
		{[]string{"team-*"}, nil, []string{"team-a/x.gz", "logs/team-b/y", "team-c"}, []string{"logs/x", "a-team-/x"}},
		{[]string{"logs/team-*/"}, nil, []string{"logs/team-a/x"}, []string{"team-a/x", "old/logs/team-a/x"}},
		{nil, []string{"*.tmp", "logs/old/**"}, []string{"logs/x.gz"}, []string{"logs/x.tmp", "logs/old/x", "logs/old/d/x"}},
		{[]string{"*.gz", "*.json"}, []string{"debug"}, []string{"a/b.gz", "c.json"}, []string{"debug/b.gz", "a/b.csv"}},
		{[]string{"**/2026/**"}, nil, []string{"a/2026/x", "2026/x"}, []string{"a/2025/x"}},
	} {
		f, err := NewFilter(c.include, c.exclude)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range c.yes {
			if !f.Takes(key) {
				t.Errorf("%v less %v does not take %q", c.include, c.exclude, key)
			}
		}
		for _, key := range c.no {
			if f.Takes(key) {
				t.Errorf("%v less %v takes %q", c.include, c.exclude, key)
			}
		}
	}
	if _, err := NewFilter(nil, []string{"a["}); err == nil {
		t.Error("a pattern that is none was taken")
	}
}
