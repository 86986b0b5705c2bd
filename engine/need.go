package engine

// Need is what a query reads of a dataset whose rows are not in the database.
type Need struct {
	Dataset string
	// Paths are the columns it reads, and the members of body. It may read none
	// and only count.
	Paths []Path
	// Scans are the places that read the dataset. A row that fails a condition
	// of a scan is not wanted there; one that no scan wants is not needed.
	Scans []Scan
}

// Scan is one reading of a dataset.
type Scan struct {
	Conditions []Condition
	// Limit is how many rows are enough, whichever they are; 0 is all.
	Limit int64
}

// Condition is a comparison of a column with values that a row must pass. A
// null passes none but "null".
type Condition struct {
	Path Path
	// Op is =, !=, <, <=, >, >=, in, null or notnull.
	Op string
	// Values are int64, float64, string or time.Time: one, of in as many as
	// there are, of null and notnull none.
	Values []any
}
