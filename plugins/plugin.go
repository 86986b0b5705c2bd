package plugins

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
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
	spare    chan *instance // one at most, made after another broke
	warming  atomic.Bool
	making   sync.WaitGroup
	running  chan struct{} // as many as there may be instances at once

	logged atomic.Int64
	holds  holds

	breaker breaker
	stats   stats
}

// Info describes a plugin.
type Info struct {
	Name          string          `json:"name"`
	Version       string          `json:"version"`
	ABI           string          `json:"abi"`
	SHA256        string          `json:"sha256"`
	Functions     []Function      `json:"functions"`
	Config        json.RawMessage `json:"config,omitempty"` // a JSON Schema
	Deterministic bool            `json:"deterministic"`
}

// Info tells what the plugin says of itself.
func (p *Plugin) Info() Info {
	return p.manifest.info(p.sha256)
}

// Has reports whether there is a function of a kind.
func (i Info) Has(kind string) bool {
	return slices.ContainsFunc(i.Functions, func(f Function) bool { return f.Kind == kind })
}

// Has reports whether the plugin has a function of a kind.
func (p *Plugin) Has(kind string) bool { return p.manifest.index(kind) >= 0 }

// Close ends all instances. Transform must not be called any more.
func (p *Plugin) Close(ctx context.Context) error {
	if p.runtime == nil {
		return nil
	}
	p.making.Wait()
	return p.runtime.Close(ctx)
}
