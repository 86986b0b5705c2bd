package schema

// shape is what a value is before anybody asks what it means.
type shape uint8

const (
	isNull shape = iota
	isBool
	isInt
	isFloat
	isText
	isList
	isObject
	isEmptyList
	isEmptyObject
	nShapes
)

// noun names a shape as conflicts and the schema report show it.
func (k shape) noun() string {
	return [...]string{"null", "bool", "integer", "number", "text", "list", "object", "empty list", "empty object"}[k]
}
