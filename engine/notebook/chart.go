package notebook

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Chart is a chart cell. Data names the cell whose rows it draws; X, Y and
// Series are columns of it.
type Chart struct {
	At     engine.At `json:"-"`
	Data   string    `yaml:"data" json:"data"`
	Type   string    `yaml:"type" json:"type"`
	X      string    `yaml:"x" json:"x,omitempty"`
	Y      any       `yaml:"y" json:"y,omitempty"` // a column, or a list of them
	Series string    `yaml:"series" json:"series,omitempty"`
	Title  string    `yaml:"title" json:"title,omitempty"`
	Height int       `yaml:"height" json:"height,omitempty"` // in pixels; 80 to 1200, else the usual one
}

var chartTypes = []string{"line", "area", "bar", "heatmap", "scatter", "big_number"}

func (c *Chart) validate() error {
	if c.Type == "" {
		c.Type = "line"
	}
	switch {
	case c.Data == "":
		return c.At.Value("data").At(0, "the chart does not say what it draws").WithHint("write data: and the name of a sql cell")
	case !slices.Contains(chartTypes, c.Type):
		hint := "the types are " + strings.Join(chartTypes, ", ")
		if near := engine.Nearest(c.Type, chartTypes); near != "" {
			hint = "did you mean " + near + "?"
		}
		return c.At.Value("type").At(0, "there is no chart type %s", c.Type).WithHint("%s", hint)
	case c.Type != "big_number" && (c.X == "" || len(c.ys()) == 0):
		key := "y"
		if c.X == "" {
			key = "x"
		}
		return c.At.Value(key).At(0, "the chart does not say what goes along its axes").WithHint("write x: and y: with names of columns")
	}
	return nil
}

func (c *Chart) ys() []string {
	switch y := c.Y.(type) {
	case string:
		return []string{y}
	case []any:
		var out []string
		for _, v := range y {
			out = append(out, fmt.Sprint(v))
		}
		return out
	}
	return nil
}

// fits checks that the columns are there.
func (c *Chart) fits(t *Table) error {
	var names []string
	for _, col := range t.Columns {
		names = append(names, col.Name)
	}
	for i, want := range append([]string{c.X, c.Series}, c.ys()...) {
		if want == "" || slices.Contains(names, want) {
			continue
		}
		key := []string{"x", "series", "y"}[min(i, 2)]
		hint := "its columns are " + strings.Join(names, ", ")
		if near := engine.Nearest(want, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return c.At.Value(key).At(0, "the cell %s has no column %s", c.Data, want).WithHint("%s", hint)
	}
	return nil
}

// Size of a chart, in SVG units, and the room around the plot.
const (
	chartWidth  = 860
	chartHeight = 260
	left        = 62
	right       = 14
	top         = 14
	bottom      = 30
	maxSeries   = 12
)

// palette is readable on light and dark ground and told apart by people who
// see few colours (after Okabe and Ito, 2008).
var palette = [maxSeries]string{
	"#2f7fd1", "#e0812b", "#1f9e77", "#c6548f", "#8c6bd1", "#b8a01d",
	"#4db3d6", "#d6604d", "#6b8e23", "#9e6b4a", "#7f7f9c", "#5aa17f",
}

// SVG draws a chart. The picture needs nothing else: no script, no font.
func SVG(c *Chart, t *Table) string {
	if c.Type == "big_number" {
		return bigNumber(c, t)
	}
	d := layout(c, t)
	if len(d.series) == 0 {
		return `<p class="empty">Nothing to draw: the cell ` + html.EscapeString(c.Data) + ` has no rows.</p>`
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<figure class="chart">`)
	if c.Title != "" {
		fmt.Fprintf(&b, `<figcaption>%s</figcaption>`, text(c.Title))
	}
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, d.height, text(d.describe()))
	if c.Type == "heatmap" {
		d.heat(&b)
	} else {
		d.axes(&b)
		d.marks(&b)
	}
	b.WriteString(`</svg>`)
	d.legend(&b)
	b.WriteString(`</figure>`)
	return b.String()
}

func (d *drawing) describe() string {
	names := make([]string, len(d.series))
	for i, s := range d.series {
		names[i] = s.name
	}
	return fmt.Sprintf("%s chart of %s by %s", d.chart.Type, strings.Join(names, ", "), d.chart.X)
}

// axes draws grid lines and their labels.
func (d *drawing) axes(b *strings.Builder) {
	step := niceStep((d.maxY - d.minY) / 5)
	d.maxY = math.Ceil(d.maxY/step) * step
	d.minY = math.Floor(d.minY/step) * step
	for y := range steps(d.minY, d.maxY+step/2, step) {
		at := d.py(y)
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, chartWidth-right, at, at, left-8, at+3.5, compactNumber(y, step))
	}
	base := d.height - bottom + 18
	switch {
	case d.labels != nil:
		every := max(1, (len(d.labels)+11)/12)
		for i, name := range d.labels {
			if i%every == 0 {
				fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, d.px(float64(i)), base, text(shorten(name, 14)))
			}
		}
	case d.isTime:
		for _, t := range timeTicks(d.minX, d.maxX) {
			fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, d.px(t.at), base, t.label)
		}
		fmt.Fprintf(b, `<text class="zone" x="%d" y="%d" text-anchor="end">UTC</text>`, chartWidth-right, d.height-2)
	default:
		step := niceStep((d.maxX - d.minX) / 8)
		for x := range steps(math.Ceil(d.minX/step)*step, d.maxX, step) {
			fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, d.px(x), base, compactNumber(x, step))
		}
	}
}

// steps yields the places of ticks. It ends even where a step is too small to
// move a number that is far from zero.
func steps(from, to, step float64) func(func(float64) bool) {
	return func(yield func(float64) bool) {
		last := math.Inf(-1)
		for i := range 50 {
			v := from + float64(i)*step
			if v > to || v > last && !yield(v) {
				return
			}
			last = v
		}
	}
}

// maxColumns bounds the columns of a heatmap; more are narrower than a pixel.
const maxColumns = 2000

func (d *drawing) legend(b *strings.Builder) {
	if d.chart.Type == "heatmap" && d.left == 0 || len(d.series) < 2 && d.left == 0 {
		return
	}
	b.WriteString(`<div class="legend">`)
	if d.chart.Type != "heatmap" {
		for i, s := range d.series {
			fmt.Fprintf(b, `<span><i style="background:%s"></i>%s</span>`, palette[i], text(s.name))
		}
	}
	if d.left > 0 {
		fmt.Fprintf(b, `<span>%d more series are not drawn</span>`, d.left)
	}
	b.WriteString(`</div>`)
}

func bigNumber(c *Chart, t *Table) string {
	if len(t.Rows) == 0 || len(t.Columns) == 0 {
		return `<p class="empty">No value: the cell ` + html.EscapeString(c.Data) + ` has no rows.</p>`
	}
	at := 0
	if ys := c.ys(); len(ys) > 0 {
		at = max(0, slices.IndexFunc(t.Columns, func(col Column) bool { return col.Name == ys[0] }))
	}
	title := c.Title
	if title == "" {
		title = t.Columns[at].Name
	}
	value := show(t.Rows[0][at])
	if v, ok := scalar(t.Rows[0][at]); ok {
		value = grouped(v)
	}
	return `<figure class="big"><b>` + text(value) + `</b><figcaption>` + text(title) + `</figcaption></figure>`
}
