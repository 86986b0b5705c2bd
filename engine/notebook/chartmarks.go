package notebook

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
