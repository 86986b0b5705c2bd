package notebook

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
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

func (d *drawing) marks(b *strings.Builder) {
	for i, s := range d.series {
		colour := palette[i]
		switch d.chart.Type {
		case "bar":
			d.bars(b, i, s, colour)
		case "scatter":
			for _, p := range s.points {
				if !p.gap {
					fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s" fill-opacity=".7"><title>%s</title></circle>`, d.px(p.x), d.py(p.y), colour, text(d.tip(s, p)))
				}
			}
		default:
			d.line(b, s, colour)
		}
	}
}

// line draws a series with a break at every null.
func (d *drawing) line(b *strings.Builder, s series, colour string) {
	for run := range runs(s.points) {
		var path strings.Builder
		for i, p := range run {
			verb := "L"
			if i == 0 {
				verb = "M"
			}
			fmt.Fprintf(&path, "%s%.1f %.1f", verb, d.px(p.x), d.py(p.base+p.y))
		}
		if d.chart.Type == "area" {
			d.area(b, run, path.String(), colour)
		}
		if len(run) == 1 {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="2" fill="%s"/>`, d.px(run[0].x), d.py(run[0].base+run[0].y), colour)
		}
		fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.6" stroke-linejoin="round"><title>%s</title></path>`, path.String(), colour, text(s.name))
	}
	if len(s.points) <= 200 {
		for _, p := range s.points {
			if !p.gap {
				fmt.Fprintf(b, `<circle class="hit" cx="%.1f" cy="%.1f" r="5"><title>%s</title></circle>`, d.px(p.x), d.py(p.base+p.y), text(d.tip(s, p)))
			}
		}
	}
}

// area fills below a line: down to zero, or in a stack to what it stands on.
func (d *drawing) area(b *strings.Builder, run []point, line, colour string) {
	opacity := ".18"
	if d.stacks {
		opacity = ".55"
	}
	fmt.Fprintf(b, `<path d="%s`, line)
	for _, p := range slices.Backward(run) {
		fmt.Fprintf(b, "L%.1f %.1f", d.px(p.x), d.py(max(p.base, d.minY)))
	}
	fmt.Fprintf(b, `Z" fill="%s" fill-opacity="%s"/>`, colour, opacity)
}

// runs yields the stretches of points between nulls.
func runs(points []point) func(func([]point) bool) {
	return func(yield func([]point) bool) {
		start := 0
		for i := 0; i <= len(points); i++ {
			if i == len(points) || points[i].gap {
				if i > start && !yield(points[start:i]) {
					return
				}
				start = i + 1
			}
		}
	}
}

func (d *drawing) bars(b *strings.Builder, i int, s series, colour string) {
	slot := float64(chartWidth-left-right) / max(1, float64(len(d.labels)))
	if d.labels == nil {
		slot = float64(chartWidth-left-right) / max(1, float64(len(s.points)))
	}
	beside := float64(len(d.series))
	if d.stacks {
		beside, i = 1, 0
	}
	width := max(1, slot*0.78/beside)
	zero := d.py(max(0, d.minY))
	for _, p := range s.points {
		if p.gap {
			continue
		}
		x := d.px(p.x) - width*beside/2 + width*float64(i)
		y, zero := d.py(p.base+p.y), zero
		if d.stacks {
			zero = d.py(p.base)
		}
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="1" fill="%s"><title>%s</title></rect>`,
			x, min(y, zero), max(1, width-1), max(0.5, math.Abs(zero-y)), colour, text(d.tip(s, p)))
	}
}

// heat draws one row of cells for each series.
func (d *drawing) heat(b *strings.Builder) {
	const label = 110
	rows := d.series[:min(len(d.series), 40)]
	d.left = len(d.series) - len(rows)
	high := float64(d.height-bottom-top) / float64(len(rows))
	xs := d.columns()
	wide := float64(chartWidth-label-right) / float64(xs)
	for r, s := range rows {
		y := float64(top) + high*float64(r)
		fmt.Fprintf(b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, label-8, y+high/2+3.5, text(shorten(s.name, 16)))
		for _, p := range s.points {
			if p.gap {
				continue
			}
			col := d.columnOf(p.x)
			share := (p.y - d.minY) / (d.maxY - d.minY)
			fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" fill-opacity="%.2f"><title>%s</title></rect>`,
				label+wide*col, y, max(0.5, wide-0.5), max(0.5, high-1), palette[0], 0.06+0.94*share, text(d.tip(s, p)))
		}
	}
	every := max(1, (len(d.labels)+11)/12)
	for i, name := range d.labels {
		if i%every == 0 {
			fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`, label+wide*(float64(i)+0.5), d.height-bottom+18, text(shorten(name, 14)))
		}
	}
	if d.isTime {
		for _, t := range timeTicks(d.minX, d.maxX) {
			fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%s</text>`,
				label+wide*d.columnOf(t.at), d.height-bottom+18, t.label)
		}
		fmt.Fprintf(b, `<text class="zone" x="%d" y="%d" text-anchor="end">UTC</text>`, chartWidth-right, d.height-2)
	}
}

// maxColumns bounds the columns of a heatmap; more are narrower than a pixel.
const maxColumns = 2000

// columns is how many columns a heatmap has.
func (d *drawing) columns() int {
	switch {
	case d.labels != nil:
		return max(1, len(d.labels))
	case d.regular():
		return int(math.Round((d.xs[len(d.xs)-1]-d.xs[0])/d.step)) + 1
	}
	return max(1, len(d.xs))
}

func (d *drawing) regular() bool {
	return d.step > 0 && (d.xs[len(d.xs)-1]-d.xs[0])/d.step < maxColumns
}

// columnOf finds the column of a heatmap that a place on the x axis is in.
func (d *drawing) columnOf(x float64) float64 {
	switch {
	case d.labels != nil:
		return x
	case d.regular():
		return (x - d.xs[0]) / d.step
	}
	i, _ := slices.BinarySearch(d.xs, x)
	return float64(i)
}

func (d *drawing) tip(s series, p point) string {
	x := strconv.FormatFloat(p.x, 'g', 6, 64)
	switch {
	case d.labels != nil:
		x = d.labels[int(p.x)]
	case d.isTime:
		x = time.UnixMicro(int64(p.x)).UTC().Format("2006-01-02 15:04:05Z")
	}
	return fmt.Sprintf("%s · %s: %s", x, s.name, strconv.FormatFloat(p.y, 'g', 6, 64))
}

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

func numericColumn(t *Table, i int) bool {
	for _, row := range t.Rows {
		if row[i] != nil {
			_, ok := scalar(row[i])
			return ok
		}
	}
	return true
}

// scalar reads a value as a place on an axis: a number, or microseconds.
// Numbers so large that a distance between two of them overflows have none.
func scalar(v any) (float64, bool) {
	f, ok := finite(v)
	return f, ok && math.Abs(f) < 1e300
}

func finite(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case float32:
		return float64(v), true
	case int64:
		return float64(v), true
	case int32:
		return float64(v), true
	case uint64:
		return float64(v), true
	case int:
		return float64(v), true
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return float64(t.UnixMicro()), true
		}
		if t, err := time.Parse("2006-01-02", v); err == nil {
			return float64(t.UnixMicro()), true
		}
		f, err := strconv.ParseFloat(v, 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return 0, false
}

// niceStep rounds a distance up to 1, 2 or 5 times a power of ten.
func niceStep(raw float64) float64 {
	if raw <= 0 || math.IsNaN(raw) || math.IsInf(raw, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power {
			return m * power
		}
	}
	return 10 * power
}

func compactNumber(v, step float64) string {
	for _, u := range []struct {
		size   float64
		suffix string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if step >= u.size/10 && math.Abs(v) >= u.size {
			return strconv.FormatFloat(math.Round(v/u.size*100)/100, 'f', -1, 64) + u.suffix
		}
	}
	digits := max(0, int(-math.Floor(math.Log10(step))))
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if s == "-0" {
		return "0"
	}
	return s
}

// grouped writes a number with its digits in groups of three.
func grouped(v float64) string {
	s := strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	whole, fraction, has := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if has {
		return whole + "." + fraction
	}
	return whole
}

type tick struct {
	at    float64
	label string
}

var timeSteps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 90 * 24 * time.Hour, 365 * 24 * time.Hour,
}

// timeTicks chooses round moments; a label says the date where the day changes.
func timeTicks(from, to float64) []tick {
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if (to-from)/float64(s.Microseconds()) <= 9 {
			step = s
			break
		}
	}
	var out []tick
	width := float64(step.Microseconds())
	for at := math.Ceil(from/width) * width; at <= to && len(out) < 20; at += width {
		t := time.UnixMicro(int64(at)).UTC()
		layout := "15:04"
		switch {
		case step >= 24*time.Hour, t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0:
			layout = "Jan 2"
		case step < time.Minute:
			layout = "15:04:05"
		}
		out = append(out, tick{at, t.Format(layout)})
	}
	return out
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
