//go:build desktop

package main

import (
	"fmt"

	"github.com/wailsapp/wails/v2/pkg/menu"
	"github.com/wailsapp/wails/v2/pkg/menu/keys"
	"github.com/wailsapp/wails/v2/pkg/runtime"
)

// menu is the menu bar. What it does, the page does.
func (w *window) menu(command func(name, path string)) *menu.Menu {
	tell := func(name, path string) menu.Callback {
		return func(*menu.CallbackData) { command(name, path) }
	}
	m := menu.NewMenu()
	file := m.AddSubmenu("File")
	file.AddText("Open Workspace…", keys.Combo("o", keys.CmdOrCtrlKey, keys.ShiftKey), tell("open", ""))
	file.AddSeparator()
	file.AddText("Add Files…", keys.CmdOrCtrl("o"), tell("add", "file"))
	file.AddText("Add a Folder…", nil, tell("add", "folder"))
	file.AddText("Add a Plugin…", nil, tell("add", "plugin"))
	file.AddSeparator()
	file.AddText("Pull", keys.CmdOrCtrl("p"), tell("pull", ""))
	file.AddSeparator()
	file.AddText("Quit", keys.CmdOrCtrl("q"), func(*menu.CallbackData) {
		if c := w.context(); c != nil {
			runtime.Quit(c)
		}
	})
	m.Append(menu.EditMenu())
	goTo := m.AddSubmenu("Go")
	// Alt and arrows are the page's to hear: it moves charts by them, too.
	goTo.AddText("Back", nil, tell("back", ""))
	goTo.AddText("Forward", nil, tell("forward", ""))
	goTo.AddSeparator()
	goTo.AddText("Go To…", keys.CmdOrCtrl("k"), tell("palette", ""))
	goTo.AddSeparator()
	for i, p := range []struct{ name, path string }{
		{"Home", "/"},
		{"Explore", "/explore"},
		{"Notebooks", "/notebooks"},
		{"Dashboards", "/dashboards"},
		{"Rules", "/rules"},
		{"Sources", "/sources"},
		{"Schema", "/schema"},
		{"Quarantine", "/quarantine"},
		{"Plugins", "/plugins"},
	} {
		goTo.AddText(p.name, keys.CmdOrCtrl(fmt.Sprint(i+1)), tell("go", p.path))
	}
	view := m.AddSubmenu("View")
	view.AddText("Light or Dark", nil, tell("theme", ""))
	view.AddText("Full Screen", keys.Key("f11"), func(*menu.CallbackData) {
		c := w.context()
		switch {
		case c == nil:
		case runtime.WindowIsFullscreen(c):
			runtime.WindowUnfullscreen(c)
		default:
			runtime.WindowFullscreen(c)
		}
	})
	help := m.AddSubmenu("Help")
	help.AddText("Keys", nil, tell("keys", ""))
	return m
}
