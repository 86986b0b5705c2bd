package yamlfile

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

func isScalar(t reflect.Type) bool {
	switch t {
	case textType, durationType, timeType, sizeType:
		return true
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return true
	}
	return false
}

// scalarText is the text of a scalar, expanded.
func (w *walker) scalarText(n *node) (engine.Text, bool) {
	value, err := w.expanded(n.text)
	if err != nil {
		w.addAt(n.text, err)
		return n.text, false
	}
	text := n.text
	text.Value = value
	return text, true
}

func (w *walker) expanded(t engine.Text) (string, error) {
	if w.expand == nil {
		return t.Value, nil
	}
	return w.expand(t)
}

func (w *walker) isUnknown(n *node) bool { return w.unknown != nil && w.unknown(n.text.Value) }

func (w *walker) scalar(path string, n *node, v reflect.Value) {
	switch n.kind {
	case nullNode:
		w.add(n.text.At(0, "%sthere is no value", prefix(path)).WithHint("write %s, or remove the key", describe(v.Type())))
		return
	case mappingNode, sequenceNode:
		e := n.text.At(0, "%swant %s, have %s", prefix(path), describe(v.Type()), n.kind)
		if v.Type() == textType || v.Kind() == reflect.String {
			e = e.WithHint("put the value in quotes if it is text")
		}
		w.add(e)
		return
	}
	text, ok := w.scalarText(n)
	if !ok || w.isUnknown(n) && v.Type() != textType && v.Kind() != reflect.String {
		return
	}
	if err := setScalar(v, text, n.plain); err != nil {
		var e *engine.Error
		if !errors.As(err, &e) {
			e = engine.Errorf(engine.Invalid, "", "want %s, have %s", describe(v.Type()), quoteValue(n.text.Value))
		}
		at := n.text.At(0, "%s%w", prefix(path), e.Err)
		at.Hint = e.Hint
		w.add(at)
	}
}

// errWant says that the text is not of the wanted type.
var errWant = errors.New("another type")

func errTooLarge(most any) error {
	return engine.Errorf(engine.Invalid, "", "the number is too large").WithHint("write at most %d", most)
}

func setScalar(v reflect.Value, text engine.Text, plain bool) error {
	switch v.Type() {
	case textType:
		v.Set(reflect.ValueOf(text))
		return nil
	case durationType:
		d, err := engine.ParseDuration(text.Value)
		v.SetInt(int64(d))
		return err
	case sizeType:
		s, err := ParseSize(text.Value)
		v.SetInt(int64(s))
		return err
	case timeType:
		t, err := time.Parse(time.RFC3339, text.Value)
		if err != nil {
			return engine.Errorf(engine.Invalid, "", "%s is not a time", quoteValue(text.Value)).
				WithHint("write it as RFC 3339 says: 2026-01-31T12:00:00Z")
		}
		v.Set(reflect.ValueOf(t))
		return nil
	}
	if v.Kind() == reflect.String {
		v.SetString(text.Value)
		return nil
	}
	if !plain {
		return engine.Errorf(engine.Invalid, "", "want %s, have text in quotes", describe(v.Type())).WithHint("remove the quotes")
	}
	return setPlain(v, text.Value)
}

func setPlain(v reflect.Value, s string) error {
	switch v.Kind() {
	case reflect.Bool:
		if s != "true" && s != "false" {
			return errWant
		}
		v.SetBool(s == "true")
	case reflect.Float32, reflect.Float64:
		f, err := parseFloat(s)
		if err != nil {
			return errWant
		}
		v.SetFloat(f)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(s, 0, 64)
		if errors.Is(err, strconv.ErrRange) || err == nil && v.OverflowUint(u) {
			return errTooLarge(uint64(math.MaxUint64) >> (64 - v.Type().Bits()))
		} else if err != nil {
			return errWant
		}
		v.SetUint(u)
	default:
		i, err := strconv.ParseInt(s, 0, 64)
		if errors.Is(err, strconv.ErrRange) || err == nil && v.OverflowInt(i) {
			return errTooLarge(int64(math.MaxInt64) >> (64 - v.Type().Bits()))
		} else if err != nil {
			return errWant
		}
		v.SetInt(i)
	}
	return nil
}

func parseFloat(s string) (float64, error) {
	switch strings.ToLower(s) {
	case ".nan":
		return math.NaN(), nil
	case ".inf", "+.inf":
		return math.Inf(1), nil
	case "-.inf":
		return math.Inf(-1), nil
	case "inf", "+inf", "-inf", "nan", "infinity", "+infinity", "-infinity":
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

func (w *walker) anyScalar(n *node) any {
	text, ok := w.scalarText(n)
	switch {
	case !ok:
		return nil
	case !n.plain:
		return text.Value
	case text.Value == "true", text.Value == "false":
		return text.Value == "true"
	}
	if i, err := strconv.ParseInt(text.Value, 0, 64); err == nil {
		return i
	}
	if f, err := parseFloat(text.Value); err == nil {
		return f
	}
	return text.Value
}

// describe says what a type wants, for errors.
func describe(t reflect.Type) string {
	switch t {
	case textType:
		return "text"
	case durationType:
		return "a duration such as 10m"
	case sizeType:
		return "a size such as 2GB"
	case timeType:
		return "a time such as 2026-01-31T12:00:00Z"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, not negative"
	}
	return "a whole number"
}
