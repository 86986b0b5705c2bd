package rule

import (
	"fmt"
	"strings"
	"testing"
)

func TestConditions(t *testing.T) {
	for where, want := range map[string]string{
		`type == "request" && service != "probe"`:                          `type = [request]; service != [probe]`,
		`type == "request" && (service == "catalog" || service == "shop")`: `type = [request]; service = [catalog shop]`,
		`service in ["a", nil] and not (level in ["INFO"])`:                `service = [a null]; level != [INFO]`,
		`level != nil && 500 <= status`:                                    `level != [null]; status >= [500]`,
		`tags != nil`:                                                      `tags != [null]`,
		`type == "request" && message matches "time"`:                      `type = [request]; and more`,
		`service == "a" || status == 3`:                                    `and more`,
		`lower(level) == "error"`:                                          `and more`,
		`not (status > 3)`:                                                 `and more`,
	} {
		r, err := errorsRule(t, "").With(map[string]string{"where": where})
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		var got []string
		list, whole := r.Conditions()
		for _, c := range list {
			got = append(got, fmt.Sprintf("%s %s %v", c.Path.Short(), c.Op, c.Values))
		}
		if !whole {
			got = append(got, "and more")
		}
		if s := strings.ReplaceAll(strings.Join(got, "; "), "body.", ""); s != want {
			t.Errorf("%s: %q, want %q", where, s, want)
		}
	}
}
