#include "vector.h"

extern void tidemarkFunctionBind(void *info);
extern uintptr_t tidemarkFunctionCopy(void *handle);
extern void tidemarkFunctionDelete(void *handle);
extern void tidemarkFunctionCall(void *info, void *chunk, void *out);

// tidemark_define begins a function; parameters and the result are added to it.
void *tidemark_define(const char *name, uintptr_t slot) {
	void *f = duckdb_create_scalar_function();
	duckdb_scalar_function_set_name(f, name);
	duckdb_scalar_function_set_special_handling(f);
	duckdb_scalar_function_set_extra_info(f, (void *)slot, 0);
	duckdb_scalar_function_set_bind(f, tidemarkFunctionBind);
	duckdb_scalar_function_set_function(f, tidemarkFunctionCall);
	return f;
}

int tidemark_register(void *connection, void *function) {
	int state = duckdb_register_scalar_function(connection, function);
	duckdb_destroy_scalar_function(&function);
	return state;
}

static void *copy_bound(void *handle) { return (void *)tidemarkFunctionCopy(handle); }

void tidemark_set_bound(void *info, uintptr_t handle) {
	duckdb_scalar_function_set_bind_data(info, (void *)handle, tidemarkFunctionDelete);
	duckdb_scalar_function_set_bind_data_copy(info, copy_bound);
}

// tidemark_assign_texts gives n texts to rows of a vector, all in one call:
// going from Go to C costs as much as copying a short text.
void tidemark_assign_texts(void *vector, const char *bytes, const uint32_t *offsets, const uint32_t *rows, uint64_t n) {
	for (uint64_t i = 0; i < n; i++) {
		uint64_t row = rows ? rows[i] : i;
		duckdb_unsafe_vector_assign_string_element_len(vector, row, bytes + offsets[i], offsets[i + 1] - offsets[i]);
	}
}
