package store

import (
	"database/sql"
	"testing"
)

// What instantSQL makes of a value is what a cast in UTC makes of it.
func TestInstantAsCast(t *testing.T) {
	db, err := openInstance(t.Context(), "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for declared, values := range map[string][]string{
		"TIMESTAMP WITH TIME ZONE": {"2026-03-29 02:30:00+02", "infinity", "1815-06-18 11:30:00+00"},
		"TIMESTAMP":                {"2026-03-29 02:30:00.123456", "infinity", "-infinity", "0044-03-15 (BC) 12:00:00", "290000-01-01", "1969-12-31 23:59:59.999999"},
		"TIMESTAMP_S":              {"2026-03-29 02:30:00", "infinity", "-infinity"},
		"TIMESTAMP_MS":             {"2026-03-29 02:30:00.123", "infinity"},
		"TIMESTAMP_NS":             {"2026-03-29 02:30:00.123456789", "1700-01-01"},
		"DATE":                     {"2026-03-29", "infinity", "-infinity", "1582-10-10"},
		"VARCHAR":                  {"2026-03-29T02:30:00-05:00"},
	} {
		for _, v := range append(values, "") {
			given := "nullif('" + v + "', '')::" + declared
			var same bool
			var got, want sql.NullString
			cast := "v::TIMESTAMPTZ"
			if declared != "VARCHAR" && declared != "TIMESTAMP WITH TIME ZONE" {
				cast = "v::TIMESTAMP::TIMESTAMPTZ"
			}
			q := "SELECT got IS NOT DISTINCT FROM want AND typeof(got) = 'TIMESTAMP WITH TIME ZONE', got::VARCHAR, want::VARCHAR FROM (SELECT " +
				instantSQL("v", declared) + " AS got, " + cast + " AS want FROM (SELECT " + given + " AS v))"
			if err := db.QueryRowContext(t.Context(), q).Scan(&same, &got, &want); err != nil {
				t.Errorf("%s %q: %v", declared, v, err)
			} else if !same {
				t.Errorf("%s %q is %v, a cast gives %v", declared, v, got.String, want.String)
			}
		}
	}
}
