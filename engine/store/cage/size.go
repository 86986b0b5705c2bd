package cage

import (
	"math"
	"regexp"
	"strconv"
	"strings"
)

// maxValue is how many bytes a value may have that a query writes out as a
// size: as many as a record. DuckDB builds 2,048 values at a time before it
// looks at its memory.
const maxValue = 1 << 20

// sized refuses a call whose value is larger than maxValue for certain. What
// depends on the data is bounded when it runs: see package wall.
func (w *walker) sized(n map[string]any) {
	size := valueSize(n)
	if size <= maxValue {
		return
	}
	w.refuse(n, "%s makes a value of about %.0f MB, and a value has at most 1 MB", str(n, "function_name"), size/1e6).
		Hint = "make it smaller; rows are made by FROM range(n)"
}

// valueSize is the least number of bytes of what an expression gives, as far
// as the text of the query tells it.
func valueSize(v any) float64 {
	n, _ := v.(map[string]any)
	switch str(n, "class") {
	case "CONSTANT":
		text, _ := constant(n).(string)
		return float64(len(text))
	case "CAST":
		return valueSize(n["child"])
	case "FUNCTION":
		if measure := measureOf(strings.ToLower(str(n, "function_name"))); measure != nil {
			arguments, _ := n["children"].([]any)
			if size := measure(arguments); !math.IsNaN(size) {
				return size
			}
		}
	}
	return 0
}

// measureOf tells how large the value of a function is by its arguments.
func measureOf(function string) func([]any) float64 {
	switch function {
	case "repeat":
		return repeated
	case "lpad", "rpad":
		return func(a []any) float64 { return number(at(a, 1)) }
	case "bar":
		return func(a []any) float64 { return number(at(a, 3)) }
	case "bitstring":
		return func(a []any) float64 { return number(at(a, 1)) / 8 }
	case "list_resize", "array_resize":
		return func(a []any) float64 { return 8 * number(at(a, 1)) }
	case "range", "generate_series":
		return numbers
	case "format", "printf":
		return padded
	case "||", "concat", "concat_ws", "list_value":
		return together
	case "upper", "ucase", "lower", "lcase", "reverse":
		return func(a []any) float64 { return valueSize(at(a, 0)) }
	}
	return nil
}

func repeated(a []any) float64 { return max(valueSize(at(a, 0)), 1) * number(at(a, 1)) }

func together(a []any) float64 {
	sum := 0.0
	for _, x := range a {
		sum += valueSize(x)
	}
	return sum
}

// numbers is the size of a list of numbers from, to, step.
func numbers(a []any) float64 {
	switch len(a) {
	case 1:
		return 8 * number(a[0])
	case 2:
		return 8 * (number(a[1]) - number(a[0]))
	case 3:
		if step := number(a[2]); step != 0 {
			return 8 * (number(a[1]) - number(a[0])) / step
		}
	}
	return 0
}

var width = regexp.MustCompile(`\d{5,}`)

// padded is the largest width that a format asks for.
func padded(a []any) float64 {
	n, _ := at(a, 0).(map[string]any)
	text, _ := constant(n).(string)
	most := 0.0
	for _, digits := range width.FindAllString(text, -1) {
		if w, err := strconv.ParseFloat(digits, 64); err == nil && (strings.Contains(text, "%") || strings.Contains(text, "{")) {
			most = max(most, w)
		}
	}
	return most
}

// number is the value of an expression of whole numbers that are written
// out, or NaN.
func number(v any) float64 {
	n, _ := v.(map[string]any)
	switch str(n, "class") {
	case "CONSTANT":
		if x, ok := constant(n).(float64); ok {
			return x
		}
	case "CAST":
		return number(n["child"])
	case "FUNCTION":
		a, _ := n["children"].([]any)
		switch name := str(n, "function_name"); {
		case name == "-" && len(a) == 1:
			return -number(a[0])
		case len(a) != 2:
		case name == "*":
			return number(a[0]) * number(a[1])
		case name == "+":
			return number(a[0]) + number(a[1])
		case name == "-":
			return number(a[0]) - number(a[1])
		}
	}
	return math.NaN()
}

// constant is the value of a constant: a text, a number or nothing of both.
func constant(n map[string]any) any {
	value, _ := n["value"].(map[string]any)
	return value["value"]
}

func at(a []any, i int) any {
	if i < len(a) {
		return a[i]
	}
	return nil
}
