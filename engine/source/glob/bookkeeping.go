package glob

import "strings"

// bookkeepers are names that engines and services write beside their data.
var bookkeepers = map[string]bool{
	"_SUCCESS":         true,
	"_temporary":       true,
	"_metadata":        true,
	"_common_metadata": true,
	"_spark_metadata":  true,
	"_delta_log":       true,
	// Hash chains over CloudTrail's logs, not logs.
	"CloudTrail-Digest": true,
	// Written once by AWS to see whether it may write.
	"aws-logs-write-test":        true,
	"ELBAccessLogTestFile":       true,
	"ConfigWritabilityCheckFile": true,
}

// bookkeeping reports whether a path goes through a hidden name or one that
// something keeps beside the data.
func bookkeeping(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(segment, ".") || bookkeepers[segment] || strings.HasSuffix(segment, "_$folder$") ||
			strings.HasPrefix(segment, "_committed_") || strings.HasPrefix(segment, "_started_") {
			return true
		}
	}
	return false
}
