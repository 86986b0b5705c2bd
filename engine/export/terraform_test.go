package export

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// terraformSchema is what the provider says of its resources.
func terraformSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile("testdata/terraform.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func judged(s *jsonschema.Schema, data []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// TestTerraformKnowsTheAttributes holds every Terraform file against the
// arguments that the provider has: those of the sample rules, and of every part
// of the language that CloudWatch holds.
func TestTerraformKnowsTheAttributes(t *testing.T) {
	t.Parallel()
	s := terraformSchema(t)
	rules := demoRules(t)
	for name, lines := range constructs {
		if lines != "" && whole[name] == "" {
			rules["construct "+name] = small(t, strings.Split(lines, "\n")...)
		}
	}
	written := 0
	for name, r := range rules {
		a, err := Write("terraform", []Rule{r}, Settings{})
		var refusal *Refusal
		if errors.As(err, &refusal) {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		written++
		if err := judged(s, a.Data); err != nil {
			t.Errorf("%s: %v\n%s", name, err, a.Data)
		}
	}
	if written < 10 {
		t.Errorf("only %d files were judged", written)
	}
}

// TestTerraformSchemaRefuses breaks a file in the ways that matter.
func TestTerraformSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := terraformSchema(t)
	a, err := Write("terraform", []Rule{demoRules(t)["checkout_error_rate"]}, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new string }{
		{`"evaluation_periods"`, `"evaluation_period"`},
		{`"treat_missing_data": "notBreaching"`, `"treat_missing_data": "not_breaching"`},
		{`"stat": "Sum"`, `"stat": "Total"`},
		{`"period": 60`, `"period": 61`},
		{`"return_data": true`, `"return_data": false`},
		{`"value": "1"`, `"value": "1", "default_value": "0"`},
		{`"pattern"`, `"filter_pattern"`},
		{`"aws_cloudwatch_metric_alarm"`, `"aws_cloudwatch_alarm"`},
	} {
		broken := strings.ReplaceAll(string(a.Data), c.old, c.new)
		if broken == string(a.Data) {
			t.Errorf("there is no %s in\n%s", c.old, a.Data)
		} else if judged(s, []byte(broken)) == nil {
			t.Errorf("the schema takes %s", c.new)
		}
	}
}
