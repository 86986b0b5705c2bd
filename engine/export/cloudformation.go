package export

import "sort"

// object is a JSON object; encoding/json writes its members by name, so that
// the same rules give the same bytes.
type object = map[string]any

// cloudFormation writes the stack as a template. The log group and the topic
// that is told are its parameters.
func cloudFormation(rules []Rule) ([]byte, [][]Difference, error) {
	stack, differences, err := cloudWatch("cloudformation", rules)
	if err != nil {
		return nil, nil, err
	}
	resources := object{}
	for _, f := range stack.filters {
		resources[f.id+"Filter"] = object{"Type": "AWS::Logs::MetricFilter", "Properties": f.properties()}
	}
	for _, a := range stack.alarms {
		resources[a.id] = object{"Type": "AWS::CloudWatch::Alarm", "Properties": a.properties()}
	}
	data, err := indented(object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "Written by tidemark rules export --target cloudformation; PARITY.md says how it differs.",
		"Parameters": object{
			"LogGroup":      object{"Type": "String", "Description": "The log group that the records are in, as lines of JSON."},
			"AlarmTopicArn": object{"Type": "String", "Description": "The SNS topic that is told when an alarm begins or ends."},
		},
		"Resources": resources,
	})
	return data, differences, err
}

func (f cwFilter) properties() object {
	transformation := object{"MetricNamespace": namespace, "MetricName": f.metric, "MetricValue": f.value}
	var dimensions []object
	for _, d := range f.dimensions {
		dimensions = append(dimensions, object{"Key": d[0], "Value": d[1]})
	}
	if dimensions != nil {
		transformation["Dimensions"] = dimensions
	}
	return object{
		"LogGroupName":          object{"Ref": "LogGroup"},
		"FilterPattern":         f.pattern,
		"MetricTransformations": []object{transformation},
	}
}

func (a cwAlarm) properties() object {
	topic := []object{{"Ref": "AlarmTopicArn"}}
	return object{
		"AlarmName":          a.name,
		"AlarmDescription":   a.description,
		"Metrics":            a.metrics(),
		"ComparisonOperator": "GreaterThanOrEqualToThreshold",
		"Threshold":          1,
		"EvaluationPeriods":  a.periods,
		"DatapointsToAlarm":  a.datapoints,
		"TreatMissingData":   a.missing,
		"AlarmActions":       topic,
		"OKActions":          topic,
	}
}

func (a cwAlarm) metrics() (list []object) {
	for _, q := range a.queries {
		if q.expression != "" {
			list = append(list, object{"Id": q.id, "Label": "breaching", "Expression": q.expression, "ReturnData": true})
			continue
		}
		metric := object{"Namespace": namespace, "MetricName": q.metric}
		var dimensions []object
		for _, d := range q.dimensions {
			dimensions = append(dimensions, object{"Name": d[0], "Value": d[1]})
		}
		sort.Slice(dimensions, func(i, j int) bool { return dimensions[i]["Name"].(string) < dimensions[j]["Name"].(string) })
		if dimensions != nil {
			metric["Dimensions"] = dimensions
		}
		list = append(list, object{"Id": q.id, "ReturnData": false, "MetricStat": object{"Metric": metric, "Period": q.period, "Stat": q.stat}})
	}
	return list
}
