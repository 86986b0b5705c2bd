package cage

import "strings"

// Few is how many rows a query wants by the LIMIT of its own, and how many it
// passes over by its OFFSET.
type Few struct{ Rows, Skipped int64 }

// few reads the LIMIT of a query: nil if it has none that is a plain number,
// or if what it calls answers otherwise when it is called again.
func (w *walker) few(root any) *Few {
	node, _ := root.(map[string]any)
	modifiers, _ := node["modifiers"].([]any)
	if w.unsteady {
		return nil
	}
	for _, m := range modifiers {
		m, _ := m.(map[string]any)
		if str(m, "type") != "LIMIT_MODIFIER" {
			continue
		}
		rows, ok := wholeNumber(m["limit"])
		skipped, plain := wholeNumber(m["offset"])
		if m["offset"] != nil && !plain || !ok || rows < 0 || skipped < 0 {
			return nil
		}
		return &Few{rows, skipped}
	}
	return nil
}

// wholeNumber reads an expression that is a whole number.
func wholeNumber(expression any) (n int64, ok bool) {
	e, _ := expression.(map[string]any)
	value, _ := e["value"].(map[string]any)
	f, ok := value["value"].(float64)
	const exact = 1 << 53
	if str(e, "class") != "CONSTANT" || !ok || f != float64(int64(f)) || f >= exact {
		return 0, false
	}
	return int64(f), true
}

// unsteady are the functions that a query may call and that answer otherwise
// in the next transaction.
var unsteady = set("age", "ago", "current_connection_id", "current_date", "current_query", "current_query_id", "current_transaction_id", "currval",
	"gen_random_uuid", "get_current_time", "get_current_timestamp", "nextval", "now", "random", "today", "transaction_timestamp",
	"txid_current", "uuid", "uuidv4", "uuidv7")

// clocks are the names that read the clock where there is no such column.
var clocks = set("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp")

// readsClock reports whether a column may be a reading of the clock.
func readsClock(column map[string]any) bool {
	names, _ := column["column_names"].([]any)
	if len(names) != 1 {
		return false
	}
	name, _ := names[0].(string)
	return clocks[strings.ToLower(name)]
}
