package plugins_test

import (
	"strings"
	"testing"

	"tidemark.dev/tidemark/plugins"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
	"tidemark.dev/tidemark/plugins/meter"
)

func carrying(t *testing.T, wasm []byte, text string) []byte {
	t.Helper()
	return must(meter.AppendCustom(wasm, plugins.ManifestSection, []byte(text)))
}

func TestAGlanceRunsNothing(t *testing.T) {
	g := plugins.Look(starting(Forever()))
	if g.ABI != "1" || g.About != nil || g.Problem != "" || len(g.SHA256) != 64 || g.Bytes == 0 {
		t.Errorf("%+v", g)
	}
	g = plugins.Look(importing("env", "now", nil, i64))
	if len(g.Imports) != 1 || g.Imports[0] != "env.now" {
		t.Errorf("%+v", g)
	}
	for name, wasm := range map[string][]byte{"empty": nil, "cut": some(nil).Bytes()[:40], "text": []byte("#!/bin/sh")} {
		if g := plugins.Look(wasm); g.Problem == "" {
			t.Errorf("%s: nothing is wrong: %+v", name, g)
		}
	}
	if g := plugins.Look(without("tm_abi_1")); !strings.Contains(g.Problem, "no Tidemark plugin") {
		t.Errorf("%+v", g)
	}
}

func TestAModuleCarriesItsManifest(t *testing.T) {
	host := must(plugins.NewHost(t.Context(), plugins.Options{}))
	defer host.Close(t.Context())
	plain := some(nil).Bytes()
	p := must(host.Load(t.Context(), "some", plain, plugins.Settings{}))
	defer p.Close(t.Context())
	wasm := must(p.Carrying(must(p.Carrying(plain)))) // the second takes the place of the first
	g := plugins.Look(wasm)
	if g.About == nil || g.About.Name != "some" || g.About.Version != "1.0.0" || len(g.About.Functions) != 1 || g.About.SHA256 != g.SHA256 {
		t.Fatalf("%+v", g)
	}
	q := must(host.Load(t.Context(), "some", wasm, plugins.Settings{}))
	if q.Info().SHA256 != g.SHA256 {
		t.Errorf("%s is %s", g.SHA256, q.Info().SHA256)
	}
	q.Close(t.Context())
}

// TestASectionMayNotLie: people may have allowed a module for what its section
// says.
func TestASectionMayNotLie(t *testing.T) {
	host := must(plugins.NewHost(t.Context(), plugins.Options{}))
	defer host.Close(t.Context())
	for _, text := range []string{
		strings.Replace(someManifest, `"1.0.0"`, `"9.0.0"`, 1), "{", strings.Repeat(" ", 70<<10) + someManifest,
	} {
		wasm := carrying(t, some(nil).Bytes(), text)
		if _, err := host.Load(t.Context(), "some", wasm, plugins.Settings{}); err == nil || !strings.Contains(err.Error(), "manifest") {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

func FuzzLook(f *testing.F) {
	f.Add(some(nil).Bytes())
	f.Add(importing("tidemark", "log", i64, i64))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if g := plugins.Look(wasm); len(g.SHA256) != 64 || strings.ContainsAny(g.Problem, "\n\x1b") {
			t.Errorf("%+v", g)
		}
	})
}
