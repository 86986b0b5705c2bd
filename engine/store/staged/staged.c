#include "staged.h"

extern void tidemarkRowsBind(void *info);
extern void tidemarkRowsInit(void *info);
extern void tidemarkRowsFill(void *info, void *chunk);
extern void tidemarkRowsDelete(void *handle);

enum { BIGINT = 5 };

// tidemark_register_rows makes a table function of one number.
int tidemark_register_rows(void *connection, const char *name, uintptr_t registry) {
	void *f = duckdb_create_table_function();
	void *number = duckdb_create_logical_type(BIGINT);
	duckdb_table_function_set_name(f, name);
	duckdb_table_function_add_parameter(f, number);
	duckdb_table_function_set_extra_info(f, (void *)registry, 0);
	duckdb_table_function_set_bind(f, tidemarkRowsBind);
	duckdb_table_function_set_init(f, tidemarkRowsInit);
	duckdb_table_function_set_function(f, tidemarkRowsFill);
	int state = duckdb_register_table_function(connection, f);
	duckdb_destroy_logical_type(&number);
	duckdb_destroy_table_function(&f);
	return state;
}

void tidemark_rows_set_bound(void *info, uintptr_t handle) {
	duckdb_bind_set_bind_data(info, (void *)handle, tidemarkRowsDelete);
}

void tidemark_rows_set_scan(void *info, uintptr_t handle) {
	duckdb_init_set_init_data(info, (void *)handle, tidemarkRowsDelete);
}
