package plugins

import (
	"context"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
)

// Plugin is a loaded module with a pool of instances. Its methods may be
// called from several goroutines.
type Plugin struct {
	name     string
	sha256   string
	host     *Host
	settings Settings
	manifest manifest
	ready    bool // the manifest is known, and instances are configured

	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	idle     chan *instance
	running  chan struct{} // as many as there may be instances at once

	logged atomic.Int64
	stats  stats
}

// Info describes a plugin.
type Info struct {
	Name      string
	Version   string
	ABI       string
	SHA256    string
	Functions []Function
}

// Info tells what the plugin says of itself.
func (p *Plugin) Info() Info {
	m := p.manifest
	return Info{Name: m.Name, Version: m.Version, ABI: m.ABI, SHA256: p.sha256, Functions: m.Functions}
}

// Has reports whether the plugin has a function of a kind.
func (p *Plugin) Has(kind string) bool { return p.manifest.index(kind) >= 0 }

// Close ends all instances. Transform must not be called any more.
func (p *Plugin) Close(ctx context.Context) error {
	if p.runtime == nil {
		return nil
	}
	return p.runtime.Close(ctx)
}
