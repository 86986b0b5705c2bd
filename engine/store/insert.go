package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/staged"
)

// objectLimit is read_json's limit for one row. At 1 MB its buffers are small
// enough to keep two threads busy on a batch; a batch with a longer line gets
// a larger one.
const objectLimit = 1 << 20

func (s *Store) insertRows(ctx context.Context, tx *sql.Tx, d *dataset, b engine.Batch) (engine.Committed, error) {
	var total engine.Committed
	if b.Rows == 0 {
		return total, nil
	}
	g := d.segments[len(d.segments)-1]
	staged, done := s.stagedSQL(g, b)
	defer done()
	if b.Key != nil {
		var parts []string
		for _, alike := range alikeTables(b.Tables, false) {
			parts = append(parts, tablesSQL(g, b, alike))
		}
		total, err := s.insertVersions(ctx, tx, d, g, b, append(parts, staged...))
		if err != nil {
			return total, err
		}
		err = countLate(ctx, tx, g, b, &total)
		return total, err
	}
	lines := b.Rows
	for _, alike := range alikeTables(b.Tables, b.Dedup != nil) {
		var rows int64
		for _, t := range alike {
			rows += t.Rows
		}
		lines -= rows
		if err := s.insertSelect(ctx, tx, d, g, b, tablesSQL(g, b, alike), rows, &total); err != nil {
			return total, err
		}
	}
	if len(staged) > 0 {
		if err := s.insertSelect(ctx, tx, d, g, b, strings.Join(staged, " UNION ALL "), lines, &total); err != nil {
			return total, err
		}
	}
	err := countLate(ctx, tx, g, b, &total)
	return total, err
}

func countLate(ctx context.Context, tx *sql.Tx, g segment, b engine.Batch, total *engine.Committed) error {
	if b.LateBefore.IsZero() {
		return nil
	}
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM `+g.sql()+` WHERE _late AND ingest_time = ?::TIMESTAMPTZ AND event_time < ?::TIMESTAMPTZ`,
		b.Ingest, b.LateBefore).Scan(&total.Late)
	if err == nil && total.Late > 0 {
		err = keepLate(ctx, tx, g, b)
	}
	return err
}

// insertSelect loads one part of a batch, of a known number of rows.
func (s *Store) insertSelect(ctx context.Context, tx *sql.Tx, d *dataset, g segment, b engine.Batch, from string, rows int64, total *engine.Committed) error {
	if b.Dedup != nil {
		return insertUnique(ctx, tx, d, g, b, from, rows, total)
	}
	result, err := tx.ExecContext(ctx, "INSERT INTO "+g.sql()+" "+from)
	if err != nil {
		return fmt.Errorf("load a batch into %s: %w", b.Dataset, err)
	}
	stored, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if stored != rows {
		return fmt.Errorf("load a batch into %s: %d rows were staged and %d arrived", b.Dataset, rows, stored)
	}
	total.Stored += stored
	return nil
}

// insertUnique keeps the first committed row of each key. Rows whose key is
// null are all kept.
func insertUnique(ctx context.Context, tx *sql.Tx, d *dataset, g segment, b engine.Batch, from string, rows int64, total *engine.Committed) error {
	stage := "CREATE OR REPLACE TEMP TABLE incoming AS " + from
	if _, err := tx.ExecContext(ctx, stage); err != nil {
		return fmt.Errorf("load a batch into %s: %w", b.Dataset, err)
	}
	defer tx.ExecContext(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS incoming") //nolint:errcheck // a temporary table
	at := engine.Dataset{Name: b.Dataset, Body: d.version.Body}
	key := valueSQL(at, g, b.Dedup)
	var known []string
	for _, old := range d.segments {
		known = append(known, "SELECT "+valueSQL(at, old, b.Dedup)+" AS k FROM "+old.sql())
	}
	result, err := tx.ExecContext(ctx, `INSERT INTO `+g.sql()+` SELECT * FROM incoming
		WHERE `+key+` IS NULL OR `+key+` NOT IN (SELECT k FROM (`+strings.Join(known, " UNION ALL ")+`) WHERE k IS NOT NULL)
		QUALIFY `+key+` IS NULL OR row_number() OVER (PARTITION BY `+key+` ORDER BY _seq) = 1`)
	if err != nil {
		return fmt.Errorf("load a batch into %s: %w", b.Dataset, err)
	}
	stored, err := result.RowsAffected()
	if err != nil {
		return err
	}
	total.Stored += stored
	total.Duplicates += rows - stored
	return nil
}

// stagedSQL selects the rows of a batch that are no tables: those of the file
// of lines, and those of the blocks, one statement for each type they have.
// They can be read until done is called.
func (s *Store) stagedSQL(g segment, b engine.Batch) (parts []string, done func()) {
	var removes []func()
	for _, runs := range alikeRuns(b.Blocks) {
		number, remove := s.staged.Add(runs)
		parts, removes = append(parts, blocksSQL(g, b, number, runs[0].Block.Body)), append(removes, remove)
	}
	if b.Lines != "" {
		parts = append(parts, linesSQL(g, b))
	}
	return parts, func() {
		for _, remove := range removes {
			remove()
		}
	}
}

// alikeRuns groups runs of blocks of one type. A type may change while a batch
// is being made.
func alikeRuns(runs []engine.BlockRun) (groups [][]engine.BlockRun) {
	of := map[string]int{}
	for _, r := range runs {
		kind := r.Block.Body.DuckDB()
		i, known := of[kind]
		if !known {
			i = len(groups)
			of[kind] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}

// linesSQL selects the rows of a file of conformed lines, in table order.
func linesSQL(g segment, b engine.Batch) string {
	columns := map[string]string{
		"_o": "INTEGER", "_r": "BIGINT", "_seq": "BIGINT", "_t": "BIGINT",
		"service": "VARCHAR", "level": "VARCHAR", "message": "VARCHAR", "trace_id": "VARCHAR", "span_id": "VARCHAR",
		"labels": "MAP(VARCHAR, VARCHAR)", "body": g.body.DuckDB(), "rest": "VARCHAR",
	}
	if b.Live != nil {
		columns["_p"] = "VARCHAR"
	}
	var list []string
	for _, name := range []string{"_o", "_r", "_p", "_seq", "_t", "service", "level", "message", "trace_id", "span_id", "labels", "body", "rest"} {
		if columns[name] != "" {
			list = append(list, name+": "+engine.QuoteText(columns[name]))
		}
	}
	return rowsSQL(b, "body", "read_json("+engine.QuoteText(b.Lines)+", format = 'newline_delimited', columns = {"+strings.Join(list, ", ")+
		"}, maximum_object_size = "+strconv.Itoa(max(objectLimit, 2*b.Longest))+", compression = 'uncompressed')")
}

// blocksSQL selects the rows of blocks, in table order.
func blocksSQL(g segment, b engine.Batch, number int64, from engine.Type) string {
	body := "body"
	if from.DuckDB() != g.body.DuckDB() {
		body = castBody(from, g.body)
	}
	return rowsSQL(b, body, staged.Function+"("+strconv.FormatInt(number, 10)+")")
}

// rowsSQL makes rows of a dataset of what has engine.BlockColumns, _o and _seq.
func rowsSQL(b engine.Batch, body, from string) string {
	arrival, position, source, origins := "arrival", "url || '#' || _r", "source", originsSQL(b.Origins)
	if b.Live != nil {
		arrival, position = "make_timestamptz(_r)", "_p"
		if alikeOrigins(b.Origins) { // which say nothing else of a row
			source, origins = engine.QuoteText(b.Origins[0].Source), ""
		}
	}
	t := "make_timestamptz(_t)"
	if b.ArrivalIsTime {
		t = "coalesce(make_timestamptz(_t), " + arrival + ")"
	}
	return "SELECT " + t + ", " + arrival + ", " + timestampSQL(b.Ingest) +
		", service, level, message, trace_id, span_id, " + labelsSQL("labels", "partitions", b.Origins) + ", " + body + ", rest::JSON, _seq, " + source + ", " + position + ", " + lateSQL(t, b.LateBefore) +
		" FROM " + from + origins
}

// alikeOrigins reports whether a row's source is the same wherever it came from,
// and the key of its object says nothing.
func alikeOrigins(origins []engine.Origin) bool {
	for _, o := range origins {
		if o.Source != origins[0].Source || len(o.Partitions) > 0 {
			return false
		}
	}
	return len(origins) > 0
}

// originsSQL joins each row with where it came from. A batch of one object
// needs no join.
func originsSQL(origins []engine.Origin) string {
	if len(origins) == 1 {
		o := origins[0]
		return " CROSS JOIN (SELECT " + engine.QuoteText(o.Source) + " AS source, " + engine.QuoteText(o.URL) + " AS url, " + timestampSQL(o.Arrival) + " AS arrival, " + partitionsSQL(o) + " AS partitions)"
	}
	rows := make([]string, len(origins))
	for i, o := range origins {
		rows[i] = "(" + strconv.Itoa(i) + ", " + engine.QuoteText(o.Source) + ", " + engine.QuoteText(o.URL) + ", " + timestampSQL(o.Arrival) + ", " + partitionsSQL(o) + ")"
	}
	return " JOIN (VALUES " + strings.Join(rows, ", ") + ") AS origin(i, source, url, arrival, partitions) ON i = _o"
}

// partitionsSQL is the map of what the key of an object says of its rows.
func partitionsSQL(o engine.Origin) string {
	if len(o.Partitions) == 0 {
		return "NULL::MAP(VARCHAR, VARCHAR)"
	}
	entries := make([]string, len(o.Partitions))
	for i, p := range o.Partitions {
		entries[i] = engine.QuoteText(p.Name) + ": " + engine.QuoteText(p.Value)
	}
	return "MAP {" + strings.Join(entries, ", ") + "}"
}

// labelsSQL adds the partitions of a row's object to its own labels, which win.
func labelsSQL(own, partitions string, origins []engine.Origin) string {
	for _, o := range origins {
		if len(o.Partitions) > 0 {
			return "CASE WHEN " + partitions + " IS NULL THEN " + own + " WHEN " + own + " IS NULL THEN " + partitions +
				" ELSE map_concat(" + partitions + ", " + own + ") END"
		}
	}
	return own
}

func timestampSQL(t time.Time) string {
	if t.IsZero() {
		return "NULL::TIMESTAMPTZ"
	}
	return "make_timestamptz(" + strconv.FormatInt(t.UnixMicro(), 10) + ")"
}

func lateSQL(t string, watermark time.Time) string {
	if watermark.IsZero() {
		return "false"
	}
	return "coalesce(" + t + " < " + timestampSQL(watermark) + ", false)"
}

// alikeTables groups files that one scan can read: those with the same columns,
// of which the same fill the envelope. A scan of many files keeps all threads
// busy, and fills row groups that one small file would leave nearly empty.
// Where the order of files matters only neighbours are grouped.
func alikeTables(tables []engine.StagedTable, inOrder bool) (groups [][]engine.StagedTable) {
	of := map[string]int{}
	for _, t := range tables {
		kind := fmt.Sprint(t.Columns, t.Envelope, t.Labels, t.Number) // maps print in the order of their keys
		i, known := of[kind]
		if !known || inOrder && i != len(groups)-1 {
			i = len(groups)
			of[kind] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], t)
	}
	return groups
}

// tablesSQL selects the rows of verified Parquet files that are alike, in
// table order. The files' columns are always named with the alias f, for they
// may have any name.
func tablesSQL(g segment, b engine.Batch, tables []engine.StagedTable) string {
	like := tables[0]
	declared := map[string]engine.ForeignColumn{}
	for _, c := range like.Columns {
		declared[c.Name] = c
	}
	mapped := func(column string) string {
		name := like.Envelope[column]
		if name == "" {
			return "NULL"
		}
		return fileColumn(name) + "::VARCHAR"
	}
	t := "NULL::TIMESTAMPTZ"
	if name := like.Envelope["event_time"]; name != "" {
		t = instantSQL(fileColumn(name), declared[name].Declared)
	} else if b.ArrivalIsTime {
		t = "o.arrival"
	}
	labels := "NULL::MAP(VARCHAR, VARCHAR)"
	if name := like.Envelope["labels"]; name != "" {
		labels = fileColumn(name) + "::MAP(VARCHAR, VARCHAR)"
	}
	for _, name := range like.Envelope { // body may have a member of that name from another file
		delete(declared, name)
	}
	for _, l := range like.Labels {
		if l.Moves {
			delete(declared, l.Column)
		}
	}
	if len(like.Labels) > 0 {
		labels = columnLabelsSQL(like.Labels)
	}
	row := "f.file_row_number"
	if like.Number != "" {
		row = fileColumn(like.Number)
	}
	paths, origins := make([]string, len(tables)), make([]string, len(tables))
	for i, t := range tables {
		o := b.Origins[t.Origin]
		paths[i] = engine.QuoteText(t.Path)
		origins[i] = fmt.Sprintf("(%d, %d, %s, %s, %s, %s)", i, t.FirstSeq, engine.QuoteText(o.Source), engine.QuoteText(o.URL), timestampSQL(o.Arrival), partitionsSQL(o))
	}
	list := []string{
		t, "o.arrival", timestampSQL(b.Ingest),
		mapped("service"), mapped("level"), mapped("message"), mapped("trace_id"), mapped("span_id"), labelsSQL(labels, "o.partitions", b.Origins),
		tableBody(g.body, declared), "NULL::JSON",
		"o.first + " + row, "o.source", "o.url || '#' || (" + row + " + 1)", lateSQL(t, b.LateBefore),
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM read_parquet([" + strings.Join(paths, ", ") + "], file_row_number = true, hive_partitioning = false) AS f" +
		" JOIN (VALUES " + strings.Join(origins, ", ") + ") AS o(i, first, source, url, arrival, partitions) ON o.i = f.file_index"
}

// columnLabelsSQL makes a map of the labels that a row has. Most rows have all of
// them, or none.
func columnLabelsSQL(labels []engine.StagedLabel) string {
	names, values, there, entries := make([]string, len(labels)), make([]string, len(labels)), make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = engine.QuoteText(l.Name), fileColumn(l.Column)+"::VARCHAR"
		there[i] = fileColumn(l.Column) + " IS NOT NULL"
		entries[i] = "{'key': " + names[i] + ", 'value': " + values[i] + "}"
	}
	return "CASE WHEN " + strings.Join(there, " AND ") + " THEN map([" + strings.Join(names, ", ") + "], [" + strings.Join(values, ", ") + "])" +
		" WHEN " + strings.Join(there, " OR ") + " THEN map_from_entries(list_filter([" + strings.Join(entries, ", ") + "], lambda e: e.value IS NOT NULL)) END"
}

func fileColumn(name string) string { return "f." + engine.QuoteIdent(name) }

// tableBody packs a file's columns into the segment's struct.
func tableBody(body engine.Type, declared map[string]engine.ForeignColumn) string {
	var members []string
	for _, f := range body.Fields {
		if !f.Type.Known() {
			continue
		}
		value := "NULL::" + f.Type.DuckDB()
		if c, ok := declared[f.Name]; ok && c.Type.Known() {
			value = memberSQL(c, f.Type)
		}
		members = append(members, engine.QuoteIdent(f.Name)+" := "+value)
	}
	if len(members) == 0 {
		return "struct_pack(_ := NULL::BOOLEAN)"
	}
	return "struct_pack(" + strings.Join(members, ", ") + ")"
}
