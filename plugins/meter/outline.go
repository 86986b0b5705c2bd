package meter

import "bytes"

// Outline is what a module's sections say, without compiling or running it.
type Outline struct {
	// Imports are what it wants from its host, as module.name; Exports what it
	// gives.
	Imports, Exports []string
	// Custom are its custom sections by name; of several, the last.
	Custom map[string][]byte
}

// Read tells what a module holds. Its parts belong to wasm.
func Read(wasm []byte) (o Outline, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(refusal)
			if !ok {
				panic(r)
			}
			o, err = Outline{}, e
		}
	}()
	if !bytes.HasPrefix(wasm, []byte("\x00asm\x01\x00\x00\x00")) {
		return o, errMalformed
	}
	o.Custom = map[string][]byte{}
	for r := (&reader{b: wasm[8:]}); !r.end(); {
		o.take(section{r.byte(), r.bytes(r.u32())})
	}
	return o, nil
}

func (o *Outline) take(s section) {
	r := &reader{b: s.body}
	switch s.id {
	case secCustom:
		name := r.text()
		o.Custom[name] = r.b[r.i:]
	case secImport:
		s.bound()
		for range r.u32() {
			o.Imports = append(o.Imports, r.text()+"."+r.text())
			r.imported()
		}
	case secExport:
		s.bound()
		for range r.u32() {
			o.Exports = append(o.Exports, r.text())
			r.byte()
			r.u32()
		}
	}
}

// text is a name of the module's, which may be any bytes.
func (r *reader) text() string { return string(r.bytes(r.u32())) }

// imported passes over what kind of thing an import is.
func (r *reader) imported() {
	switch r.byte() {
	case 0:
		r.u32()
	case 1:
		r.byte()
		r.limits()
	case 2:
		r.limits()
	case 3:
		r.byte()
		r.byte()
	default:
		panic(errMalformed)
	}
}

// AppendCustom puts a custom section at the end of a module, in the place of
// those of the same name.
func AppendCustom(wasm []byte, name string, body []byte) ([]byte, error) {
	out, err := withoutCustom(wasm, name)
	if err != nil {
		return nil, err
	}
	section := append(appendName(nil, name), body...)
	return append(appendU32(append(out, secCustom), uint32(len(section))), section...), nil
}

func withoutCustom(wasm []byte, name string) (out []byte, err error) {
	if _, err := Read(wasm); err != nil {
		return nil, err
	}
	out = append(out, wasm[:8]...)
	for r := (&reader{b: wasm[8:]}); !r.end(); {
		from := r.i
		id, body := r.byte(), r.bytes(r.u32())
		if id == secCustom && (&reader{b: body}).text() == name {
			continue
		}
		out = append(out, r.b[from:r.i]...)
	}
	return out, nil
}
