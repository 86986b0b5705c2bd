package notebook

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Chart is a chart cell.
type Chart struct {
	Data   string `yaml:"data" json:"data"`
	Type   string `yaml:"type" json:"type"`
	X      string `yaml:"x" json:"x,omitempty"`
	Y      any    `yaml:"y" json:"y,omitempty"` // a column, or a list of them
	Series string `yaml:"series" json:"series,omitempty"`
	Title  string `yaml:"title" json:"title,omitempty"`
	Height int    `yaml:"height" json:"height,omitempty"`
}

var chartTypes = []string{"line", "area", "bar", "heatmap", "scatter", "big_number"}

func (c *Chart) validate(n *Notebook, line int) error {
	if c.Type == "" {
		c.Type = "line"
	}
	switch {
	case c.Data == "":
		return n.fail(line, 1, "the chart does not say what it draws", "write data: and the name of a sql cell")
	case !slices.Contains(chartTypes, c.Type):
		hint := "the types are " + strings.Join(chartTypes, ", ")
		if near := engine.Nearest(c.Type, chartTypes); near != "" {
			hint = "did you mean " + near + "?"
		}
		return n.fail(line, 1, fmt.Sprintf("there is no chart type %s", c.Type), hint)
	case c.Type != "big_number" && (c.X == "" || len(c.ys()) == 0):
		return n.fail(line, 1, "the chart does not say what goes along its axes", "write x: and y: with names of columns")
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
func (c *Chart) fits(n *Notebook, line int, t *Table) error {
	var names []string
	for _, col := range t.Columns {
		names = append(names, col.Name)
	}
	for _, want := range append([]string{c.X, c.Series}, c.ys()...) {
		if want == "" || slices.Contains(names, want) {
			continue
		}
		hint := "its columns are " + strings.Join(names, ", ")
		if near := engine.Nearest(want, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return n.fail(line, 1, fmt.Sprintf("the cell %s has no column %s", c.Data, want), hint)
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

// point is one mark: x is in axis units, gap says that y is null. In a stack
// it stands on base.
type point struct {
	x, y, base float64
	gap        bool
}

type series struct {
	name   string
	points []point
}

// drawing is a chart's data, ready to be put on axes.
type drawing struct {
	chart  *Chart
	series []series
	left   int // series beyond maxSeries, not drawn
	isTime bool
	stacks bool      // the series stand on each other
	xs     []float64 // the distinct moments of a time axis, in order
	step   float64   // between them where they are regular, else 0
	labels []string  // of a categorical x axis
	minX   float64
	maxX   float64
	minY   float64
	maxY   float64
	height int
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

// layout sorts rows into series and finds the ranges of the axes.
func layout(c *Chart, t *Table) *drawing {
	c = c.heatByColour(t)
	d := &drawing{chart: c, height: chartHeight}
	if c.Height >= 80 && c.Height <= 1200 {
		d.height = c.Height
	}
	at := map[string]int{}
	for i, col := range t.Columns {
		at[col.Name] = i
	}
	x := at[c.X]
	d.isTime = strings.HasPrefix(t.Columns[x].Type, "TIMESTAMP") || t.Columns[x].Type == "DATE"
	categorical := !d.isTime && (c.Type == "bar" || c.Type == "heatmap" || !numericColumn(t, x))
	index := map[string]int{}
	label := map[string]int{}
	for _, row := range t.Rows {
		var px float64
		if categorical {
			name := show(row[x])
			n, ok := label[name]
			if !ok {
				n = len(d.labels)
				label[name] = n
				d.labels = append(d.labels, name)
			}
			px = float64(n)
		} else if v, ok := scalar(row[x]); ok {
			px = v
		} else {
			continue
		}
		for _, y := range c.ys() {
			name := y
			if c.Series != "" {
				name = show(row[at[c.Series]])
				if len(c.ys()) > 1 {
					name += " " + y
				}
			}
			i, ok := index[name]
			if !ok {
				i = len(d.series)
				index[name] = i
				d.series = append(d.series, series{name: name})
			}
			v, ok := scalar(row[at[y]])
			d.series[i].points = append(d.series[i].points, point{x: px, y: v, gap: !ok})
		}
	}
	if len(d.series) > maxSeries && c.Type != "heatmap" {
		d.left = len(d.series) - maxSeries
		d.series = d.series[:maxSeries]
	}
	d.stack()
	d.ranges(categorical)
	if d.isTime {
		d.findStep()
		d.breakAtMissing()
	}
	return d
}

// findStep finds out whether the moments are buckets of one size: every
// distance is so many times the smallest one, which is also the usual one.
func (d *drawing) findStep() {
	for _, s := range d.series {
		for _, p := range s.points {
			d.xs = append(d.xs, p.x)
		}
	}
	slices.Sort(d.xs)
	d.xs = slices.Compact(d.xs)
	var gaps []float64
	for i := 1; i < len(d.xs); i++ {
		gaps = append(gaps, d.xs[i]-d.xs[i-1])
	}
	slices.Sort(gaps)
	if len(gaps) == 0 || gaps[len(gaps)/2] != gaps[0] {
		return
	}
	for _, g := range gaps {
		if math.Mod(g, gaps[0]) != 0 {
			return
		}
	}
	d.step = gaps[0]
}

// breakAtMissing interrupts a series where it has no row for a bucket: a line
// across would show values that nobody measured.
func (d *drawing) breakAtMissing() {
	if d.step == 0 {
		return
	}
	for i, s := range d.series {
		var points []point
		for j, p := range s.points {
			if j > 0 && p.x-s.points[j-1].x > d.step {
				points = append(points, point{x: s.points[j-1].x + d.step, gap: true})
			}
			points = append(points, p)
		}
		d.series[i].points = points
	}
}

// stack puts the series of bars and areas on each other, as long as none of
// their values is below zero.
func (d *drawing) stack() {
	if d.chart.Type != "bar" && d.chart.Type != "area" || len(d.series) < 2 {
		return
	}
	for _, s := range d.series {
		if slices.ContainsFunc(s.points, func(p point) bool { return !p.gap && p.y < 0 }) {
			return
		}
	}
	d.stacks = true
	tops := map[float64]float64{}
	for _, s := range d.series {
		for i, p := range s.points {
			if !p.gap {
				s.points[i].base = tops[p.x]
				tops[p.x] += p.y
			}
		}
	}
}

func (d *drawing) ranges(categorical bool) {
	d.minX, d.maxX, d.minY, d.maxY = math.Inf(1), math.Inf(-1), 0, 0
	for _, s := range d.series {
		if !categorical {
			slices.SortStableFunc(s.points, func(a, b point) int {
				switch {
				case a.x < b.x:
					return -1
				case a.x > b.x:
					return 1
				}
				return 0
			})
		}
		for _, p := range s.points {
			d.minX, d.maxX = min(d.minX, p.x), max(d.maxX, p.x)
			if !p.gap {
				d.minY, d.maxY = min(d.minY, p.y), max(d.maxY, p.base+p.y)
			}
		}
	}
	if categorical {
		d.minX, d.maxX = -0.5, float64(len(d.labels))-0.5
	}
	if d.minX >= d.maxX { // far from zero, half a unit is lost in rounding
		room := max(0.5, math.Abs(d.minX)*1e-9)
		d.minX, d.maxX = d.minX-room, d.maxX+room
	}
	if d.maxY-d.minY < 1e-300 {
		d.maxY = d.minY + 1
	}
}

func (d *drawing) px(x float64) float64 {
	return left + (x-d.minX)/(d.maxX-d.minX)*float64(chartWidth-left-right)
}

func (d *drawing) py(y float64) float64 {
	return float64(d.height-bottom) - (y-d.minY)/(d.maxY-d.minY)*float64(d.height-bottom-top)
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

// heatByColour reads a heatmap whose y is a category and whose series is a
// number (y: day, series: orders) like one that has them the other way round.
func (c *Chart) heatByColour(t *Table) *Chart {
	ys := c.ys()
	if c.Type != "heatmap" || c.Series == "" || len(ys) != 1 {
		return c
	}
	column := func(name string) int {
		return slices.IndexFunc(t.Columns, func(col Column) bool { return col.Name == name })
	}
	y, s := column(ys[0]), column(c.Series)
	if y < 0 || s < 0 || numericType(t.Columns[y].Type) || !numericType(t.Columns[s].Type) {
		return c
	}
	turned := *c
	turned.Y, turned.Series = c.Series, ys[0]
	return &turned
}

var timeSteps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour,
}
