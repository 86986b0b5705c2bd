package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// detail writes a condition as what a pattern asks of an event's detail. Its
// members all must match; of the tests of one member one must.
func (w *eventRule) detail(all []conjunction) object {
	if len(all) == 0 {
		w.no("a condition that no record fulfils", "there is nothing to match", "take the measure out of the rule")
	}
	var parts []any
	for _, c := range all {
		if len(c) == 0 {
			return object{}
		}
		parts = append(parts, w.all(c))
	}
	if len(parts) == 1 {
		return parts[0].(object)
	}
	return object{"$or": parts}
}

func (w *eventRule) all(c conjunction) object {
	detail := object{}
	tests := map[string]atom{}
	for _, a := range c {
		name := a.field.Path.String()
		if before, twice := tests[name]; twice {
			a = w.merged(before, a)
		}
		tests[name] = a
	}
	for _, name := range sortedKeys(tests) {
		a := tests[name]
		w.put(detail, w.Source.raw(w.refuser, a.field.Path)[0], w.test(a), a)
	}
	return detail
}

// merged joins two tests of one field that a pattern can say as one.
func (w *eventRule) merged(a, b atom) atom {
	denied := func(x atom) bool { return x.not && (x.rel == isEqual || x.rel == isOneOf) }
	present := func(x atom) bool { return x.not && x.rel == isNull }
	switch {
	case denied(a) && denied(b):
		a.rel, a.values = isOneOf, append(slices.Clone(a.values), b.values...)
		return a
	case present(a) && !denied(b):
		return b // a test that does not hold for nil says so already
	case present(b) && !denied(a):
		return a
	}
	w.no(describe(a.source)+" && "+describe(b.source), "an event pattern joins the tests of one field by or", "test the field once, or export to cloudformation")
	return a
}

// put places a test in the pattern, by member.
func (w *eventRule) put(detail object, at engine.Path, test []any, a atom) {
	for _, m := range at[:len(at)-1] {
		next, ok := detail[m].(object)
		if !ok {
			next = object{}
			detail[m] = next
		}
		detail = next
	}
	if _, taken := detail[at[len(at)-1]]; taken {
		w.no(describe(a.source), "two columns have this place in the record", "test one of them")
	}
	detail[at[len(at)-1]] = test
}

// nothing is a field that is null or not there.
var nothing = []any{nil, object{"exists": false}}

// test is an atom as tests of which one must match.
func (w *eventRule) test(a atom) []any {
	switch a.rel {
	case isNull:
		if !a.not {
			return nothing
		}
		return w.present(a)
	case isEqual, isOneOf:
		return w.equal(a)
	case isLess, isAtMost, isGreater, isAtLeast:
		return []any{object{"numeric": []any{cwOperators[a.rel], w.number(a, a.values[0])}}}
	case matches:
		w.no(describe(a.source), "event patterns know no regular expressions", "use contains, startsWith or endsWith")
	}
	text, _ := a.values[0].Text()
	test := object{}
	switch a.rel {
	case startsWith:
		test["prefix"] = text
	case endsWith:
		test["suffix"] = text
	case contains:
		test["wildcard"] = "*" + strings.NewReplacer(`\`, `\\`, "*", `\*`).Replace(text) + "*"
	default: // text is ordered
		w.no(describe(a.source), "event patterns order numbers only", "compare a number, or text for equality")
	}
	if text == "" {
		w.no(describe(a.source), "event patterns have no empty text there", "compare with some text")
	}
	if a.not {
		test = object{"anything-but": test}
	}
	return []any{test}
}

// present is a field that is there and not null; exists would take null too.
func (w *eventRule) present(a atom) []any {
	switch a.field.Type() {
	case engine.Varchar:
		return []any{object{"wildcard": "*"}}
	case engine.BigInt, engine.HugeInt, engine.Double:
		return []any{object{"numeric": []any{">=", -maxNumber, "<=", maxNumber}}}
	case engine.Bool:
		return []any{true, false}
	}
	w.no(describe(a.source), "event patterns can say that a field is absent, not that it is there", "compare the field with a value")
	return nil
}

func (w *eventRule) equal(a atom) []any {
	var values []any
	for _, v := range a.values {
		switch {
		case v.Equal(plan.Bool(true)), v.Equal(plan.Bool(false)):
			values = append(values, v.True())
		default:
			if text, ok := v.Text(); ok {
				values = append(values, text)
				continue
			}
			n := w.number(a, v)
			if !a.not { // as text, 402.0 is another number
				values = append(values, object{"numeric": []any{"=", n}})
				continue
			}
			values = append(values, n)
		}
	}
	if !a.not {
		return values
	}
	if a.field.Type() == engine.Bool && len(values) == 1 {
		return append([]any{!values[0].(bool)}, nothing...)
	}
	return append([]any{object{"anything-but": values}}, nothing...)
}

// maxNumber bounds the numbers that patterns compare.
const maxNumber = 5e9

func (w *eventRule) number(a atom, v plan.Value) float64 {
	f, ok := v.Float()
	if !ok {
		w.no(describe(a.source), "event patterns compare text, numbers and true or false", "compare one of those")
	}
	if math.Abs(f) > maxNumber || math.Round(f*1e6) != f*1e6 {
		w.no(describe(a.source), "event patterns compare numbers up to 5000000000 with at most 6 decimals", "compare a smaller or rounder number")
	}
	return f
}

// The limits of EventBridge.
const (
	maxEventPattern = 2048
	maxCombinations = 1000
)

// checkEventPattern holds a pattern to EventBridge's rules: its operators,
// with what they take, and its limits.
func checkEventPattern(pattern object) error {
	data, err := json.Marshal(pattern)
	if err != nil {
		return err
	}
	if len(data) > maxEventPattern {
		return fmt.Errorf("as an event pattern it has %d characters, and %d are allowed", len(data), maxEventPattern)
	}
	if bytes.Contains(data, []byte(resolve)) {
		return fmt.Errorf("CloudFormation fetches a value for %s wherever it stands", resolve)
	}
	var read any
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	n, err := checkMembers(read)
	if err == nil && n > maxCombinations {
		err = fmt.Errorf("its alternatives make %d combinations, and %d are allowed", n, maxCombinations)
	}
	return err
}

// checkMembers checks an object of a pattern and counts its combinations.
func checkMembers(x any) (combinations int, err error) {
	members, ok := x.(map[string]any)
	if !ok || len(members) == 0 {
		return 0, fmt.Errorf("%v is no object with members", x)
	}
	combinations = 1
	for name, value := range members {
		n := 1
		switch v := value.(type) {
		case map[string]any:
			n, err = checkMembers(v)
		case []any:
			if name == "$or" {
				n, err = checkAlternatives(v)
			} else {
				err = checkTests(v)
			}
		default:
			err = fmt.Errorf("%s is neither an object nor a list", name)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		combinations *= n
	}
	return combinations, nil
}

func checkAlternatives(list []any) (n int, err error) {
	if len(list) < 2 {
		return 0, fmt.Errorf("one alternative is none")
	}
	for _, x := range list {
		m, err := checkMembers(x)
		if err != nil {
			return 0, err
		}
		n += m
	}
	return n, nil
}

func checkTests(list []any) error {
	if len(list) == 0 {
		return fmt.Errorf("an empty list matches nothing")
	}
	for _, x := range list {
		if err := checkTest(x); err != nil {
			return err
		}
	}
	return nil
}

func checkTest(x any) error {
	test, ok := x.(map[string]any)
	if !ok {
		return checkScalar(x)
	}
	if len(test) != 1 {
		return fmt.Errorf("%v is not one operator", test)
	}
	for operator, operand := range test {
		if operator == "Ref" { // a parameter of the template
			return nil
		}
		check, known := eventOperators()[operator]
		if !known {
			return fmt.Errorf("there is no operator %s", operator)
		}
		if err := check(operand); err != nil {
			return fmt.Errorf("%s: %w", operator, err)
		}
	}
	return nil
}

// eventOperators check what the operators of patterns take.
func eventOperators() map[string]func(any) error {
	return map[string]func(any) error{
		"prefix": checkText, "suffix": checkText, "equals-ignore-case": checkText,
		"wildcard": checkWildcard, "numeric": checkNumeric, "exists": checkExists, "anything-but": checkAnythingBut,
	}
}

func checkExists(x any) error {
	if _, ok := x.(bool); !ok {
		return fmt.Errorf("%v is neither true nor false", x)
	}
	return nil
}

func checkScalar(x any) error {
	switch x.(type) {
	case nil, string, bool, float64:
		return nil
	}
	return fmt.Errorf("%v is no single value", x)
}

func checkText(x any) error {
	if s, ok := x.(string); !ok || s == "" {
		return fmt.Errorf("%v is no text", x)
	}
	return nil
}

func checkWildcard(x any) error {
	s, _ := x.(string)
	if strings.Contains(strings.NewReplacer(`\\`, "x", `\*`, "x").Replace(s), "**") {
		return fmt.Errorf("%s has two stars beside each other", s)
	}
	return checkText(x)
}

func checkNumeric(x any) error {
	list, _ := x.([]any)
	if len(list) != 2 && len(list) != 4 {
		return fmt.Errorf("%v is no comparison", x)
	}
	for i := 0; i < len(list); i += 2 {
		operator, _ := list[i].(string)
		f, number := list[i+1].(float64)
		if !slices.Contains([]string{"=", "<", "<=", ">", ">="}, operator) || !number || math.Abs(f) > maxNumber {
			return fmt.Errorf("%v is no comparison with a number up to 5000000000", x)
		}
		if len(list) == 4 && (i == 0) != strings.HasPrefix(operator, ">") {
			return fmt.Errorf("%v is no range", x)
		}
	}
	return nil
}

func checkAnythingBut(x any) error {
	switch v := x.(type) {
	case map[string]any:
		for operator := range v {
			if !slices.Contains([]string{"prefix", "suffix", "wildcard", "equals-ignore-case"}, operator) {
				return fmt.Errorf("there is no %s in it", operator)
			}
		}
		return checkTest(v)
	case []any:
		if len(v) == 0 {
			return fmt.Errorf("an empty list leaves nothing out")
		}
		texts, numbers := 0, 0
		for _, one := range v {
			switch one.(type) {
			case string:
				texts++
			case float64:
				numbers++
			}
		}
		if texts != len(v) && numbers != len(v) {
			return fmt.Errorf("%v is not text alone or numbers alone", v)
		}
		return nil
	case string, float64:
		return nil
	}
	return fmt.Errorf("%v is neither text nor a number", x)
}
