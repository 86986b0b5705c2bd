#include <stdint.h>
#include <stdbool.h>

// DuckDB's C interface, as far as a function that gives rows needs it. Its
// handles are pointers.
extern void *duckdb_create_table_function(void);
extern void duckdb_destroy_table_function(void **function);
extern void duckdb_table_function_set_name(void *function, const char *name);
extern void duckdb_table_function_add_parameter(void *function, void *type);
extern void duckdb_table_function_set_extra_info(void *function, void *info, void (*destroy)(void *));
extern void duckdb_table_function_set_bind(void *function, void (*bind)(void *));
extern void duckdb_table_function_set_init(void *function, void (*init)(void *));
extern void duckdb_table_function_set_function(void *function, void (*call)(void *, void *));
extern int duckdb_register_table_function(void *connection, void *function);
extern void *duckdb_bind_get_extra_info(void *info);
extern void *duckdb_bind_get_parameter(void *info, uint64_t index);
extern int64_t duckdb_get_int64(void *value);
extern void duckdb_destroy_value(void **value);
extern void duckdb_bind_add_result_column(void *info, const char *name, void *type);
extern void duckdb_bind_set_cardinality(void *info, uint64_t rows, bool exact);
extern void duckdb_bind_set_bind_data(void *info, void *data, void (*destroy)(void *));
extern void duckdb_bind_set_error(void *info, const char *text);
extern void *duckdb_init_get_bind_data(void *info);
extern void duckdb_init_set_init_data(void *info, void *data, void (*destroy)(void *));
extern void duckdb_init_set_max_threads(void *info, uint64_t threads);
extern void *duckdb_function_get_init_data(void *info);
extern void duckdb_function_set_error(void *info, const char *text);
extern void *duckdb_create_logical_type(int type);
extern void *duckdb_create_list_type(void *element);
extern void *duckdb_create_map_type(void *key, void *value);
extern void *duckdb_create_struct_type(void **types, const char **names, uint64_t members);
extern void *duckdb_create_decimal_type(uint8_t width, uint8_t scale);
extern void duckdb_destroy_logical_type(void **type);
extern void duckdb_data_chunk_set_size(void *chunk, uint64_t size);
extern void *duckdb_data_chunk_get_vector(void *chunk, uint64_t column);
extern void *duckdb_vector_get_data(void *vector);
extern uint64_t *duckdb_vector_get_validity(void *vector);
extern void duckdb_vector_ensure_validity_writable(void *vector);
extern void *duckdb_struct_vector_get_child(void *vector, uint64_t index);
extern void *duckdb_list_vector_get_child(void *vector);
extern int duckdb_list_vector_reserve(void *vector, uint64_t capacity);
extern int duckdb_list_vector_set_size(void *vector, uint64_t size);

int tidemark_register_rows(void *connection, const char *name, uintptr_t registry);
void tidemark_rows_set_bound(void *info, uintptr_t handle);
void tidemark_rows_set_scan(void *info, uintptr_t handle);
