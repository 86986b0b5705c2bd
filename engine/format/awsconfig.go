package format

import (
	"bytes"
)

// awsConfig is the history and the snapshots of AWS Config.
var awsConfig = &Kind{
	Name: "aws-config", Title: "AWS Config",
	Key: pattern(`_Config_[a-z0-9-]+_Config(?:History|Snapshot)_|/Config/[a-z0-9-]+/\d{4}/\d+/\d+/Config(?:History|Snapshot)/`),
	Envelope: Origins{
		Time: "configurationItemCaptureTime", Service: "resourceType", Level: "INFO", Message: "configurationItemStatus and resourceName, else resourceId",
	},
	object: func(m map[string][]byte) bool {
		if items, ok := m["configurationItems"]; ok {
			return m["fileVersion"] != nil || bytes.Contains(items, []byte(`"configurationItemCaptureTime"`))
		}
		return m["configurationItemCaptureTime"] != nil && m["resourceType"] != nil
	},
	sure: 0.99, says: "fileVersion and configurationItems",
	wrapper: "configurationItems",
	repeats: true,
	decoder: func(Hint) decodeFunc { return decodeConfigItem },
}

func decodeConfigItem(raw []byte, out *sink) {
	e := out.begin()
	message := textAt(raw, "configurationItemStatus") + " " + firstOf(textAt(raw, "resourceName"), textAt(raw, "resourceId"))
	e.head(anyTime(at(raw, "configurationItemCaptureTime")), textAt(raw, "resourceType"), "INFO", message)
	if out.outer != nil {
		e.raw("configSnapshotId", at(out.outer, "configSnapshotId"))
		e.raw("fileVersion", at(out.outer, "fileVersion"))
	}
	out.whole(e.rest(raw))
}
