package format

import (
	"net/url"
	"path"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Partitions reads what the folders of a key say of all records in its object:
// name=value of Hive, the account, service and region of AWSLogs, and dates.
// They are in the order of the key, each name once; the outermost wins.
//
//	dt=2026-01-02/hour=03/x        dt=2026-01-02, hour=03
//	2026/01/02/03/x                dt=2026-01-02, hour=03
//	AWSLogs/123456789012/CloudTrail/eu-west-1/2026/01/02/x
//	                               account, aws_service, region, dt
//
// A partition without a value (__HIVE_DEFAULT_PARTITION__, or nothing) is left
// out. A date is when the object was delivered, not when its events happened.
func Partitions(key string) []engine.Partition {
	var out []engine.Partition
	add := func(name, value string) {
		for _, p := range out {
			if p.Name == name {
				return
			}
		}
		if name != "" && value != "" && value != "__HIVE_DEFAULT_PARTITION__" {
			out = append(out, engine.Partition{Name: name, Value: value})
		}
	}
	folders := strings.Split(path.Dir(strings.ReplaceAll(key, `\`, "/")), "/")
	for i := 0; i < len(folders); {
		switch n := awsLogs(folders[i:], add); {
		case n > 0:
			i += n
		default:
			if n = datePath(folders[i:], add); n > 0 {
				i += n
				continue
			}
			if name, value, ok := strings.Cut(folders[i], "="); ok {
				add(unescaped(name), unescaped(value))
			}
			i++
		}
	}
	return out
}

func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

var (
	accountID = pattern(`^\d{12}$`)
	regionID  = pattern(`^(?:[a-z]{2}(?:-[a-z]+)+-\d|global|cloudfront)$`)
)

// awsLogs reads AWSLogs/[o-ORG/]ACCOUNT/SERVICE/[REGION/] and gives how many
// folders that took.
func awsLogs(folders []string, add func(name, value string)) int {
	if folders[0] != "AWSLogs" {
		return 0
	}
	n := 1
	if n < len(folders) && strings.HasPrefix(folders[n], "o-") {
		add("org", folders[n])
		n++
	}
	if n >= len(folders) || !accountID().MatchString(folders[n]) {
		return n
	}
	add("account", folders[n])
	if n++; n < len(folders) && !strings.Contains(folders[n], "=") {
		add("aws_service", folders[n])
		n++
	}
	if n < len(folders) && regionID().MatchString(folders[n]) {
		add("region", folders[n])
		n++
	}
	return n
}

var (
	yearFolder = pattern(`^20\d\d$`)
	twoDigits  = pattern(`^\d\d?$`)
)

// datePath reads YYYY/MM/DD[/HH[/MM]] and gives how many folders that took.
func datePath(folders []string, add func(name, value string)) int {
	if len(folders) < 3 || !yearFolder().MatchString(folders[0]) || !twoDigits().MatchString(folders[1]) || !twoDigits().MatchString(folders[2]) {
		return 0
	}
	add("dt", folders[0]+"-"+two(folders[1])+"-"+two(folders[2]))
	n := 3
	for _, name := range [...]string{"hour", "minute"} {
		if n >= len(folders) || len(folders[n]) != 2 || !twoDigits().MatchString(folders[n]) {
			break
		}
		add(name, folders[n])
		n++
	}
	return n
}

// two pads a number to two digits.
func two(s string) string {
	if len(s) == 1 {
		return "0" + s
	}
	return s
}
