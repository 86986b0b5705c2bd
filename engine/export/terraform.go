package export

import (
	"bytes"
	"encoding/json"
)

// terraform writes the stack in Terraform's JSON syntax. The log group and
// the topic that is told are its variables.
func terraform(rules []Rule) ([]byte, [][]Difference, error) {
	stack, differences, err := cloudWatch("terraform", rules)
	if err != nil {
		return nil, nil, err
	}
	filters, alarms := object{}, object{}
	for _, f := range stack.filters {
		filters[f.id] = f.terraform()
	}
	for _, a := range stack.alarms {
		alarms[a.id] = a.terraform()
	}
	resources := object{"aws_cloudwatch_log_metric_filter": filters}
	if len(alarms) > 0 {
		resources["aws_cloudwatch_metric_alarm"] = alarms
	}
	data, err := indented(object{
		"terraform": object{"required_providers": object{"aws": object{"source": "hashicorp/aws", "version": ">= 5.0"}}},
		"variable": object{
			"log_group":       object{"type": "string", "description": "The log group that the records are in, as lines of JSON."},
			"alarm_topic_arn": object{"type": "string", "description": "The SNS topic that is told when an alarm begins or ends."},
		},
		"resource": resources,
	})
	return data, differences, err
}

func (f cwFilter) terraform() object {
	transformation := object{"namespace": namespace, "name": f.metric, "value": f.value}
	if len(f.dimensions) > 0 {
		transformation["dimensions"] = pairs(f.dimensions)
	}
	return object{
		"name":                  "tidemark-" + f.metric,
		"log_group_name":        "${var.log_group}",
		"pattern":               literal(f.pattern),
		"metric_transformation": transformation,
	}
}

func (a cwAlarm) terraform() object {
	var queries []object
	for _, q := range a.queries {
		if q.expression != "" {
			queries = append(queries, object{"id": q.id, "label": "breaching", "expression": q.expression, "return_data": true})
			continue
		}
		metric := object{"namespace": namespace, "metric_name": q.metric, "period": q.period, "stat": q.stat}
		if len(q.dimensions) > 0 {
			metric["dimensions"] = pairs(q.dimensions)
		}
		queries = append(queries, object{"id": q.id, "return_data": false, "metric": metric})
	}
	topic := []string{"${var.alarm_topic_arn}"}
	return object{
		"alarm_name":          literal(a.name),
		"alarm_description":   literal(a.description),
		"comparison_operator": "GreaterThanOrEqualToThreshold",
		"threshold":           1,
		"evaluation_periods":  a.periods,
		"datapoints_to_alarm": a.datapoints,
		"treat_missing_data":  a.missing,
		"alarm_actions":       topic,
		"ok_actions":          topic,
		"metric_query":        queries,
	}
}

func pairs(list [][2]string) object {
	out := object{}
	for _, p := range list {
		out[p[0]] = literal(p[1])
	}
	return out
}

// literal keeps Terraform from reading an expression into text.
func literal(s string) string {
	s = string(bytes.ReplaceAll([]byte(s), []byte("${"), []byte("$${")))
	return string(bytes.ReplaceAll([]byte(s), []byte("%{"), []byte("%%{")))
}

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
