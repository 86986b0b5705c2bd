package yamlfile

import "tidemark.dev/tidemark/engine"

// At remembers where a mapping and the values in it stood.
type At = engine.At

func placeOf(p pair) engine.Place {
	value := p.value.text
	out := engine.Place{Key: p.key, Written: value.Value, Within: p.value.places()}
	value.Value = ""
	out.Value = value
	return out
}

// places are those of a mapping's keys; nil of anything else. They are found
// once, as aliases make one node stand in many places.
func (n *node) places() map[string]engine.Place {
	if n.kind != mappingNode || n.within != nil {
		return n.within
	}
	n.within = make(map[string]engine.Place, len(n.pairs))
	for _, p := range n.pairs {
		n.within[p.key.Value] = placeOf(p)
	}
	return n.within
}
