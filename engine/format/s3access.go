package format

import (
	"strings"
	"time"
)

// s3Access is the access log of an S3 bucket.
var s3Access = &Kind{
	Name: "s3-access", Title: "S3 access logs",
	Key: pattern(`(?:^|/|[^0-9])\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}$`),
	Envelope: Origins{
		Time: "time", Service: "bucket", Level: "http_status: 5xx ERROR, 4xx WARN, else INFO", Message: "operation and key",
	},
	line: func(line []byte) bool {
		f, _ := fieldsOf(string(line))
		return len(f) > 16 && len(f[0]) == 64 && !clfTime(f[2]).IsZero() && strings.Count(f[6], ".") >= 1
	},
	sure: 0.98, says: "lines of an owner's id, a bucket and a time in brackets",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeS3Access },
}

var s3Columns = columnsOf(`bucket_owner bucket time remote_ip requester request_id operation key request_uri http_status# error_code
	bytes_sent# object_size# total_time# turn_around_time# referrer user_agent version_id host_id signature_version cipher_suite
	authentication_type host_header tls_version access_point_arn acl_required`)

func decodeS3Access(raw []byte, out *sink) {
	f, closed := fieldsOf(string(raw))
	if !closed || len(f) < 17 {
		out.problem(raw, wrongColumns("an S3 access log", len(f)))
		return
	}
	t := clfTime(f[2])
	message := f[6]
	if !noValue(f[7]) {
		message += " " + f[7]
	}
	e := out.begin()
	e.head(t, dash(f[1]), statusLevel(f[9]), message)
	e.exactTime("time", f[2], !t.IsZero() && strings.HasSuffix(f[2], " +0000"))
	e.putAll(s3Columns, f, 2)
	out.add(e)
}

// clfTime reads the time of the common log format: 02/Jan/2006:15:04:05 -0700.
func clfTime(s string) time.Time {
	t, err := time.Parse("02/Jan/2006:15:04:05 -0700", s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
