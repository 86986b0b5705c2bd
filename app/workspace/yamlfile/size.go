package yamlfile

import (
	"math"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Size is a number of bytes, written "2GB", "512MiB" or as a plain number.
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"tib", 1 << 40},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"tb", 1e12},
	{"b", 1},
}

// ParseSize reads a size. KB, MB, GB and TB count in thousands, KiB, MiB, GiB
// and TiB in 1024; capitals do not matter.
func ParseSize(s string) (Size, error) {
	number, unit := strings.ToLower(strings.TrimSpace(s)), 1.0
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	if bytes := value * unit; err == nil && bytes >= 0 && bytes < math.MaxInt64 {
		return Size(bytes), nil
	}
	return 0, engine.Errorf(engine.Invalid, "", "%q is not a size", s).WithHint("write a number and a unit: 512MB, 2GB, 1.5GiB")
}

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	for _, u := range []struct {
		suffix string
		bytes  Size
	}{{"TB", 1e12}, {"TiB", 1 << 40}, {"GB", 1e9}, {"GiB", 1 << 30}, {"MB", 1e6}, {"MiB", 1 << 20}, {"KB", 1e3}, {"KiB", 1 << 10}} {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}
