package format

// firehose is what Amazon Data Firehose delivers: JSON objects, often without
// a line break between them. Records of another format in it are decoded as
// those.
var firehose = &Kind{
	Name: "firehose", Title: "Amazon Data Firehose",
	Key: pattern(`-\d+-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:\.[a-z0-9.]+)?$`),
	Envelope: Origins{
		Time: "as in NDJSON", Service: "as in NDJSON", Level: "as in NDJSON", Message: "as in NDJSON", Trace: "as in NDJSON", Span: "as in NDJSON",
	},
	framed: true,
	sure:   0.9, says: "JSON objects that follow each other without a line break",
	decoder: func(Hint) decodeFunc { return func(raw []byte, out *sink) { out.keep(raw) } },
}
