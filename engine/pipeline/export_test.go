package pipeline

// AsLines makes every table go through the pipeline as lines.
func AsLines(o Options) Options {
	o.lines = true
	return o
}

// AsText stages every line as text.
func AsText(o Options) Options {
	o.text = true
	return o
}
