package workspace

import (
	"errors"
	"math"
	"time"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// Dashboard is a file in dashboards/.
type Dashboard struct {
	At      yamlfile.At
	Title   string         `yaml:"title" doc:"The heading."`
	Time    engine.Text    `yaml:"time" doc:"The time range: 6h ends at the newest watermark, 6h as of now does not."`
	Refresh time.Duration  `yaml:"refresh" doc:"How often it is drawn again; 0 is whenever data arrives."`
	Dataset engine.Text    `yaml:"dataset" doc:"The dataset of measures that do not name one, and of filters. Default: the workspace's only one."`
	Filters []engine.Text  `yaml:"filters" doc:"Columns offered as filters."`
	Rows    []DashboardRow `yaml:"rows" doc:"What is shown, from top to bottom."`
}

// DashboardRow is a row of charts.
type DashboardRow struct {
	At     yamlfile.At
	Height int             `yaml:"height" doc:"Height in pixels."`
	Items  []DashboardItem `yaml:"items" doc:"What stands in the row, from left to right."`
}

// DashboardItem is one chart: of a query or of a measure.
type DashboardItem struct {
	At      yamlfile.At
	Title   string      `yaml:"title" doc:"The chart's heading."`
	SQL     engine.Text `yaml:"sql" doc:"The query that is drawn."`
	Measure engine.Text `yaml:"measure" doc:"A measure that is drawn, instead of sql: count(level == \"ERROR\")."`
	Where   engine.Text `yaml:"where" doc:"Which records are measured: an expression over the record."`
	Dataset engine.Text `yaml:"dataset" doc:"The dataset that is measured."`
	Type    string      `yaml:"type" enum:"line|area|bar|heatmap|scatter|big_number|table" doc:"How it is drawn."`
	X       string      `yaml:"x" doc:"The column along the horizontal axis."`
	Y       List        `yaml:"y" doc:"The columns that are drawn."`
	Series  string      `yaml:"series" doc:"The column whose values become a line each."`
	Width   float64     `yaml:"width" doc:"How wide it is compared with its neighbours."`
}

// DecodeDashboard reads a dashboard and gives all its problems.
func DecodeDashboard(file string, src []byte) (*Dashboard, error) {
	d := &Dashboard{}
	if err := yamlfile.Decode(file, src, d); err != nil {
		return nil, err
	}
	var problems []error
	for _, row := range d.Rows {
		if row.Height < 0 {
			problems = append(problems, row.At.Value("height").At(0, "height: want a number of pixels"))
		}
		for i := range row.Items {
			problems = append(problems, row.Items[i].validate())
		}
	}
	return d, errors.Join(problems...)
}

func (i *DashboardItem) validate() error {
	if math.IsNaN(i.Width) || math.IsInf(i.Width, 0) || i.Width < 0 {
		i.Width = 0
		return i.At.Key("width").At(0, "a width is a number above zero").WithHint("write width: 2 for an item twice as wide as its neighbours")
	}
	switch sql, measure := i.At.Has("sql"), i.At.Has("measure"); {
	case sql && i.SQL.Value == "":
		return i.SQL.At(0, "sql: there is no query").WithHint("write one, as in select count(*) from all_events")
	case measure && i.Measure.Value == "":
		return i.Measure.At(0, "measure: there is nothing to measure").WithHint("write an aggregate, as in count()")
	case sql && measure:
		return i.At.Key("measure").At(0, "an item has sql or a measure, not both").WithHint("remove one of them")
	case !sql && !measure:
		return i.At.Text.At(0, "the item has nothing to draw").WithHint("add sql: or measure: to it")
	case sql && i.At.Has("where"):
		return i.At.Key("where").At(0, "where belongs to a measure").WithHint("write the condition into the WHERE of the query")
	}
	return nil
}
