package guard

// tableFunctions are the table functions that only compute, or only look at
// the catalog. What is not here cannot be used: it reads files, takes
// pointers, runs text as SQL or changes settings.
var tableFunctions = set(
	"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary", "histogram", "histogram_values",
	"duckdb_columns", "duckdb_constraints", "duckdb_databases", "duckdb_dependencies", "duckdb_functions", "duckdb_indexes",
	"duckdb_keywords", "duckdb_memory", "duckdb_schemas", "duckdb_sequences", "duckdb_settings", "duckdb_tables", "duckdb_temporary_files",
	"duckdb_types", "duckdb_views", "pragma_collations", "pragma_database_size", "pragma_show", "pragma_storage_info",
	"pragma_table_info", "pragma_version", "pg_timezone_names", "icu_calendar_names", "test_all_types",
)

// deniedFunctions are the scalar functions that do more than compute.
var deniedFunctions = set(
	"getenv", "write_log", "nextval", "currval", "sleep_ms", "pg_sleep", "setseed", "parse_duckdb_log_message",
	"getvariable", "current_setting", "json_serialize_plan",
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
