package export

import (
	"encoding/json"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Firing is a time for which an alarm was on in the system that a rule was
// exported to.
type Firing struct {
	// Alarm is its name there, Labels what tells groups apart; CloudWatch has
	// names alone.
	Alarm  string
	Labels map[string]string
	// From and To bound the time; To is zero while it is on.
	From, To time.Time
}

// History is what a system says about its alarms.
type History struct {
	// Source is prometheus or cloudwatch.
	Source string
	// From and To bound what the history tells.
	From, To time.Time
	Firings  []Firing
}

// ReadHistory reads what systems give out: the answer of Prometheus to a range
// query for ALERTS, or that of CloudWatch to DescribeAlarmHistory.
func ReadHistory(data []byte) (*History, error) {
	var file struct {
		Status string `json:"status"`
		Data   *struct {
			ResultType string `json:"resultType"`
			Result     []struct {
				Metric map[string]string    `json:"metric"`
				Values [][2]json.RawMessage `json:"values"`
			} `json:"result"`
		} `json:"data"`
		AlarmHistoryItems []alarmHistoryItem
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, engine.Errorf(engine.Invalid, "read the history", "%w", err).WithHint(historyHint)
	}
	switch {
	case file.Data != nil && file.Data.ResultType == "matrix":
		h := &History{Source: "prometheus"}
		for _, r := range file.Data.Result {
			if r.Metric["alertstate"] != "" && r.Metric["alertstate"] != "firing" {
				continue
			}
			times, err := sampleTimes(r.Values)
			if err != nil {
				return nil, err
			}
			h.series(r.Metric, times)
		}
		return h, nil
	case file.AlarmHistoryItems != nil:
		return cloudWatchHistory(file.AlarmHistoryItems)
	}
	return nil, engine.Errorf(engine.Invalid, "read the history", "it is neither a range of ALERTS nor a history of alarms").WithHint(historyHint)
}

const historyHint = "give the JSON of /api/v1/query_range?query=ALERTS{...}, or of aws cloudwatch describe-alarm-history"

// sampleTimes are when a series had a value other than zero.
func sampleTimes(values [][2]json.RawMessage) (times []time.Time, err error) {
	for _, v := range values {
		seconds, err := strconv.ParseFloat(string(v[0]), 64)
		var text string
		if err == nil {
			err = json.Unmarshal(v[1], &text)
		}
		value, number := strconv.ParseFloat(text, 64)
		if err != nil || number != nil {
			return nil, engine.Errorf(engine.Invalid, "read the history", "%s is no sample", v[0]).WithHint(historyHint)
		}
		if value != 0 {
			times = append(times, time.UnixMilli(int64(seconds*1000)).UTC())
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return times, nil
}

// series adds the spans of samples that follow each other at the range's step,
// which is the smallest distance there is.
func (h *History) series(labels map[string]string, times []time.Time) {
	if len(times) == 0 {
		return
	}
	step := time.Minute
	for i := 1; i < len(times); i++ {
		if d := times[i].Sub(times[i-1]); d > 0 && (i == 1 || d < step) {
			step = d
		}
	}
	h.cover(times[0], times[len(times)-1].Add(step))
	from := times[0]
	for i := range times {
		if i+1 < len(times) && times[i+1].Sub(times[i]) <= step+step/2 {
			continue
		}
		h.Firings = append(h.Firings, Firing{labels["alertname"], labels, from, times[i].Add(step)})
		if i+1 < len(times) {
			from = times[i+1]
		}
	}
}

func (h *History) cover(from, to time.Time) {
	if h.From.IsZero() || from.Before(h.From) {
		h.From = from
	}
	if to.After(h.To) {
		h.To = to
	}
}

// alarmHistoryItem is one event in the life of an alarm of CloudWatch.
type alarmHistoryItem struct {
	AlarmName, HistoryItemType, HistorySummary string
	Timestamp                                  time.Time
}

// cloudWatchHistory joins changes of state to spans.
func cloudWatchHistory(items []alarmHistoryItem) (*History, error) {
	sort.SliceStable(items, func(i, j int) bool { return items[i].Timestamp.Before(items[j].Timestamp) })
	h := &History{Source: "cloudwatch"}
	open := map[string]int{}
	for _, item := range items {
		if item.HistoryItemType != "StateUpdate" {
			continue
		}
		h.cover(item.Timestamp, item.Timestamp)
		_, state, ok := strings.Cut(item.HistorySummary, " to ")
		if !ok {
			return nil, engine.Errorf(engine.Invalid, "read the history", "%q is no change of state", item.HistorySummary).WithHint(historyHint)
		}
		i, on := open[item.AlarmName]
		switch {
		case strings.TrimSpace(state) == "ALARM" && !on:
			open[item.AlarmName] = len(h.Firings)
			h.Firings = append(h.Firings, Firing{Alarm: item.AlarmName, From: item.Timestamp.UTC()})
		case strings.TrimSpace(state) != "ALARM" && on:
			h.Firings[i].To = item.Timestamp.UTC()
			delete(open, item.AlarmName)
		}
	}
	return h, nil
}

// Of lists the firings of a group of a rule, by the names that exported
// alarms have.
func (h *History) Of(rule Rule, group []string) (list []Firing) {
	for _, f := range h.Firings {
		if h.Source == "cloudwatch" {
			if f.Alarm == alarmName(rule.Name, group) {
				list = append(list, f)
			}
			continue
		}
		match := f.Labels["tidemark_rule"] == rule.Name || f.Alarm == rule.Name
		for i, k := range rule.Plan.Keys {
			match = match && f.Labels[promLabel(k.Path)] == group[i]
		}
		if match {
			list = append(list, f)
		}
	}
	return list
}

// At reports whether one of some firings was on at a time.
func At(list []Firing, t time.Time) bool {
	return slices.ContainsFunc(list, func(f Firing) bool { return !t.Before(f.From) && (f.To.IsZero() || t.Before(f.To)) })
}
