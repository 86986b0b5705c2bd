package export

import (
	"testing"
	"time"
)

const alertsRange = `{"status":"success","data":{"resultType":"matrix","result":[
 {"metric":{"__name__":"ALERTS","alertname":"small","alertstate":"firing","service":"checkout","tidemark_rule":"small"},
  "values":[[1767960000,"1"],[1767960060,"1"],[1767960300,"1"]]},
 {"metric":{"__name__":"ALERTS","alertname":"small","alertstate":"pending","service":"payments"},"values":[[1767960000,"1"]]}]}}`

const alarmHistory = `{"AlarmHistoryItems":[
 {"AlarmName":"tidemark-small-checkout","HistoryItemType":"StateUpdate","HistorySummary":"Alarm updated from ALARM to OK","Timestamp":"2026-01-09T12:10:00Z"},
 {"AlarmName":"tidemark-small-checkout","HistoryItemType":"StateUpdate","HistorySummary":"Alarm updated from OK to ALARM","Timestamp":"2026-01-09T12:00:00+00:00"},
 {"AlarmName":"tidemark-small-checkout","HistoryItemType":"Action","HistorySummary":"told","Timestamp":"2026-01-09T12:00:01Z"},
 {"AlarmName":"tidemark-small-payments","HistoryItemType":"StateUpdate","HistorySummary":"Alarm updated from INSUFFICIENT_DATA to ALARM","Timestamp":"2026-01-09T12:05:00Z"}]}`

func TestReadHistory(t *testing.T) {
	t.Parallel()
	r := small(t, "group_by: [service]")
	at := func(s string) time.Time {
		x, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	h, err := ReadHistory([]byte(alertsRange))
	if err != nil {
		t.Fatal(err)
	}
	list := h.Of(r, []string{"checkout"})
	if len(list) != 2 || !At(list, at("2026-01-09T12:01:30Z")) || At(list, at("2026-01-09T12:03:00Z")) || !At(list, at("2026-01-09T12:05:30Z")) || len(h.Of(r, []string{"payments"})) != 0 {
		t.Errorf("%+v", h)
	}
	h, err = ReadHistory([]byte(alarmHistory))
	if err != nil {
		t.Fatal(err)
	}
	list = h.Of(r, []string{"checkout"})
	if len(list) != 1 || !list[0].To.Equal(at("2026-01-09T12:10:00Z")) || !At(list, at("2026-01-09T12:09:59Z")) || At(list, at("2026-01-09T12:10:00Z")) {
		t.Errorf("%+v", list)
	}
	if list = h.Of(r, []string{"payments"}); len(list) != 1 || !list[0].To.IsZero() {
		t.Errorf("%+v", list)
	}
	for _, bad := range []string{
		"", "[]", "{}", `{"data":{"resultType":"vector"}}`, `{"data":{"resultType":"matrix","result":[{"values":[["x","1"]]}]}}`,
		`{"AlarmHistoryItems":[{"HistoryItemType":"StateUpdate","HistorySummary":"?"}]}`,
	} {
		if _, err := ReadHistory([]byte(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

func FuzzReadHistory(f *testing.F) {
	f.Add([]byte(alertsRange))
	f.Add([]byte(alarmHistory))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHistory(data)
		if err != nil {
			return
		}
		for _, x := range h.Firings {
			if !x.To.IsZero() && x.To.Before(x.From) {
				t.Errorf("%+v ends before it begins", x)
			}
		}
	})
}
