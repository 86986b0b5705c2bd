#include <stdint.h>
#include <stdbool.h>

// DuckDB's C interface, as far as functions need it. Its handles are pointers.
extern void *duckdb_create_scalar_function(void);
extern void duckdb_destroy_scalar_function(void **function);
extern void duckdb_scalar_function_set_name(void *function, const char *name);
extern void duckdb_scalar_function_set_special_handling(void *function);
extern void duckdb_scalar_function_add_parameter(void *function, void *type);
extern void duckdb_scalar_function_set_return_type(void *function, void *type);
extern void duckdb_scalar_function_set_extra_info(void *function, void *info, void (*destroy)(void *));
extern void duckdb_scalar_function_set_bind(void *function, void (*bind)(void *));
extern void duckdb_scalar_function_set_bind_data(void *info, void *data, void (*destroy)(void *));
extern void duckdb_scalar_function_set_bind_data_copy(void *info, void *(*copy)(void *));
extern void duckdb_scalar_function_bind_set_error(void *info, const char *text);
extern void duckdb_scalar_function_set_function(void *function, void (*call)(void *, void *, void *));
extern int duckdb_register_scalar_function(void *connection, void *function);
extern void *duckdb_scalar_function_bind_get_extra_info(void *info);
extern void *duckdb_scalar_function_get_bind_data(void *info);
extern void duckdb_scalar_function_set_error(void *info, const char *text);
extern void *duckdb_create_logical_type(int type);
extern void duckdb_logical_type_set_alias(void *type, const char *alias);
extern void duckdb_destroy_logical_type(void **type);
extern uint64_t duckdb_data_chunk_get_size(void *chunk);
extern void *duckdb_data_chunk_get_vector(void *chunk, uint64_t column);
extern void *duckdb_vector_get_data(void *vector);
extern uint64_t *duckdb_vector_get_validity(void *vector);
extern void duckdb_vector_ensure_validity_writable(void *vector);
extern void duckdb_unsafe_vector_assign_string_element_len(void *vector, uint64_t row, const char *text, uint64_t size);

void *tidemark_define(const char *name, uintptr_t slot);
int tidemark_register(void *connection, void *function);
void tidemark_set_bound(void *info, uintptr_t handle);
void tidemark_assign_texts(void *vector, const char *bytes, const uint32_t *offsets, const uint32_t *rows, uint64_t n);
