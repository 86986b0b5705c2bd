package plugins

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

func checkExports(c wazero.CompiledModule) error {
	exports := c.ExportedFunctions()
	i32, i64 := api.ValueTypeI32, api.ValueTypeI64
	if exports["tm_abi_1"] == nil {
		for name := range exports {
			if len(name) > 7 && name[:7] == "tm_abi_" {
				return fmt.Errorf("it is made for ABI version %s, this host has 1", clean(name[7:]))
			}
		}
		return errors.New("it does not export tm_abi_1, so it is no Tidemark plugin")
	}
	for _, want := range []struct {
		name            string
		params, results []api.ValueType
		optional        bool
	}{
		{"tm_abi_1", nil, []api.ValueType{i32}, false},
		{"tm_manifest", nil, []api.ValueType{i64}, false},
		{"tm_alloc", []api.ValueType{i32}, []api.ValueType{i32}, false},
		{"tm_call", []api.ValueType{i32, i32, i32}, []api.ValueType{i64}, false},
		{"tm_init", []api.ValueType{i32, i32}, []api.ValueType{i64}, true},
		{"_initialize", nil, nil, true},
	} {
		f := exports[want.name]
		if f == nil && want.optional {
			continue
		}
		if f == nil {
			return fmt.Errorf("it does not export %s", want.name)
		}
		if !bytes.Equal(f.ParamTypes(), want.params) || !bytes.Equal(f.ResultTypes(), want.results) {
			return fmt.Errorf("its export %s has another signature than the ABI", want.name)
		}
	}
	if len(c.ExportedMemories()) != 1 || c.ExportedMemories()["memory"] == nil {
		return errors.New("it does not export its memory as memory")
	}
	return nil
}
