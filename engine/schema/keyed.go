package schema

// Objects whose names are values (ids, hosts, dates) would be structs without
// end. They are told from objects with many optional members by how their
// names are spread, and become maps.

const (
	// manyNames is from how many names on an object may be a map.
	manyNames = 64
	// rareNames: a map has at most one in so many of the names of all of them.
	rareNames = 4
)

// keyed reports whether the objects seen are a map: they have many names and
// values of one shape, and either each object has few of the names, or nearly
// all names have a digit in them.
func (o *Observation) keyed() bool {
	if len(o.order) < manyNames || !o.uniform() {
		return false
	}
	seen, digits := 0, 0
	for _, name := range o.order {
		for _, n := range o.members[name].count {
			seen += n
		}
		if hasDigit(name) {
			digits++
		}
	}
	return seen*rareNames <= len(o.order)*o.count[isObject] || digits*10 >= len(o.order)*9
}

func hasDigit(name string) bool {
	for i := range len(name) {
		if '0' <= name[i] && name[i] <= '9' {
			return true
		}
	}
	return false
}

// uniform reports whether all members have values of one shape.
func (o *Observation) uniform() bool {
	all := o.together()
	shapes := 0
	for _, n := range []int{all.count[isObject], all.count[isList], all.count[isText], all.count[isInt] + all.count[isFloat], all.count[isBool]} {
		if n > 0 {
			shapes++
		}
	}
	return shapes == 1
}

// together is what was seen in any of the members.
func (o *Observation) together() *Observation {
	all := &Observation{}
	for _, name := range o.order {
		all.add(o.members[name])
	}
	return all
}

func (o *Observation) add(p *Observation) {
	for i, n := range p.count {
		o.count[i] += n
	}
	o.huge += p.huge
	o.digits = max(o.digits, p.digits)
	o.inexact = o.inexact || p.inexact
	for _, name := range p.order {
		o.member(name).add(p.members[name])
	}
	if p.element != nil {
		if o.element == nil {
			o.element = &Observation{}
		}
		o.element.add(p.element)
	}
}
