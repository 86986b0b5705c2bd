package notebook

import (
	"math"
	"slices"
	"strings"
)

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
		if categorical {
			d.mark(row, at, float64(d.labelled(show(row[x]), label)), index)
		} else if v, ok := scalar(row[x]); ok {
			d.mark(row, at, v, index)
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

// labelled is the place of a label on a categorical axis; a new one is the last.
func (d *drawing) labelled(name string, places map[string]int) int {
	n, ok := places[name]
	if !ok {
		n = len(d.labels)
		places[name] = n
		d.labels = append(d.labels, name)
	}
	return n
}

// mark adds the points of a row at x to their series; columns and index are
// the places of columns and of series by name.
func (d *drawing) mark(row []any, columns map[string]int, x float64, index map[string]int) {
	ys := d.chart.ys()
	for _, y := range ys {
		name := y
		if d.chart.Series != "" {
			name = show(row[columns[d.chart.Series]])
			if len(ys) > 1 {
				name += " " + y
			}
		}
		i, ok := index[name]
		if !ok {
			i = len(d.series)
			index[name] = i
			d.series = append(d.series, series{name: name})
		}
		v, ok := scalar(row[columns[y]])
		d.series[i].points = append(d.series[i].points, point{x: x, y: v, gap: !ok})
	}
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
