#include <stdint.h>

void tm_wall_set(int64_t bytes);
int64_t tm_wall_held(void);
