package export

import (
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
)

// check holds the stack to the rules of CloudWatch that its own linters do
// not know. What we write keeps them; a break is a fault of ours.
func (s cwStack) check() error {
	if n := len(s.filters) + len(s.alarms); n > maxResources {
		return engine.Errorf(engine.Inexpressible, "export", "the template has %d resources, and CloudFormation takes %d", n, maxResources).
			WithHint("export fewer rules at a time, or group by a field with fewer values")
	}
	ids := map[string]string{}
	for _, f := range s.filters {
		if err := f.check(); err != nil {
			return engine.Errorf(engine.Internal, "export", "metric filter %s: %w", f.metric, err)
		}
		if other, twice := ids[f.id]; twice {
			return clash(f.metric, other)
		}
		ids[f.id] = f.metric
	}
	names := map[string]bool{}
	for _, a := range s.alarms {
		if names[a.name] {
			return engine.Errorf(engine.Inexpressible, "export", "two groups would have the same alarm, %s", a.name).
				WithHint("group by fields whose values, with - between them, tell the groups apart")
		}
		names[a.name] = true
		if err := a.check(); err != nil {
			return engine.Errorf(engine.Internal, "export", "alarm %s: %w", a.name, err)
		}
		if other, twice := ids[a.id]; twice {
			return clash(a.name, other)
		}
		ids[a.id] = a.name
	}
	return nil
}

func clash(a, b string) error {
	return engine.Errorf(engine.Inexpressible, "export", "%s and %s would have the same resource name, which has letters and digits alone", a, b).
		WithHint("rename one of the rules, or export them one by one")
}

func (f cwFilter) check() error {
	if len(f.pattern) > maxPattern {
		return fmt.Errorf("the pattern has %d characters", len(f.pattern))
	}
	return checkTransformation(f.pattern, f.dimensions, false)
}

// checkTransformation checks what a metric filter publishes: dimensions and a
// default value exclude each other, and dimensions need a pattern of JSON.
func checkTransformation(pattern string, dimensions [][2]string, hasDefault bool) error {
	if err := checkPattern(pattern); err != nil {
		return err
	}
	switch {
	case len(dimensions) > 0 && hasDefault:
		return fmt.Errorf("a metric has dimensions or a default value, not both")
	case len(dimensions) > maxDimensions:
		return fmt.Errorf("a metric has %d dimensions, and 3 are allowed", len(dimensions))
	case len(dimensions) > 0 && pattern == "":
		return fmt.Errorf("dimensions need a pattern that reads JSON")
	}
	for _, d := range dimensions {
		p := &patternParser{rest: d[1]}
		if err := p.selector(); err != nil || p.rest != "" {
			return fmt.Errorf("dimension %s: %q is no selector", d[0], d[1])
		}
	}
	return nil
}

func (a cwAlarm) check() error {
	ids := map[string]bool{}
	metrics := 0
	for _, q := range a.queries {
		if q.expression == "" {
			metrics++
			if err := checkPeriod(q.period, a.periods); err != nil {
				return err
			}
		} else if err := checkMath(q.expression, ids); err != nil {
			return fmt.Errorf("%s: %w", q.expression, err)
		}
		ids[q.id] = true
	}
	switch {
	case a.datapoints < 1 || a.datapoints > a.periods:
		return fmt.Errorf("%d of %d datapoints", a.datapoints, a.periods)
	case metrics == 0 || metrics > maxQueries:
		return fmt.Errorf("%d metrics, and 10 are allowed", metrics)
	case len(a.name) > maxName || len(a.description) > maxDescription:
		return fmt.Errorf("its name or its description is too long")
	}
	return nil
}

// checkPeriod checks a period in seconds and how far so many of them go.
func checkPeriod(seconds, periods int) error {
	period := time.Duration(seconds) * time.Second
	longest := maxLongPeriods
	if period < time.Hour {
		longest = maxShortPeriods
	}
	switch {
	case seconds != 10 && seconds != 20 && seconds != 30 && (seconds < 60 || seconds%60 != 0):
		return fmt.Errorf("a period of %d s is not 10, 20, 30 or a multiple of 60", seconds)
	case time.Duration(periods)*period > longest:
		return fmt.Errorf("%d periods of %d s are longer than %s", periods, seconds, longest)
	}
	return nil
}
