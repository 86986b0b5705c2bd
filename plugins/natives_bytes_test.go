package plugins

import (
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/plugins/internal/wasmtest"
)

// looks counts how often the clock is looked at.
type looks struct {
	context.Context
	n int
}

func (l *looks) Err() error {
	l.n++
	return nil
}

// guest is a module that has nothing but a memory.
func guest(t *testing.T) (*looks, api.Module) {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { r.Close(ctx) })
	m, err := r.Instantiate(ctx, wasmtest.Module{Pages: 128}.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return &looks{Context: context.WithValue(ctx, nativeKey{}, &nativeState{})}, m
}

const (
	setAt, listsAt    = 0, 1024
	offsetsAt, dataAt = 2 << 20, 4 << 20
)

// TestFindLooksAtTheClock gives bytes_find much to do in one call.
func TestFindLooksAtTheClock(t *testing.T) {
	for _, c := range []struct {
		name string
		rows uint32
		size uint32
	}{{"one long text", 1, 4 << 20}, {"many empty texts", 1<<19 - 1, 0}} {
		t.Run(c.name, func(t *testing.T) {
			ctx, m := guest(t)
			m.Memory().WriteUint32Le(offsetsAt+4*c.rows, c.size)
			if got := bytesFind(ctx, m, setAt, offsetsAt, c.rows, dataAt, listsAt, 0); got != int32(c.rows)+1 {
				t.Errorf("it finds %d", got)
			}
			if want := int(max(c.size, c.rows)) / findStretch; ctx.n < 1+want {
				t.Errorf("it looks at the clock %d times, not %d", ctx.n, 1+want)
			}
		})
	}
}

// TestFindFindsAll compares it with what a reader of the ABI would write.
func TestFindFindsAll(t *testing.T) {
	ctx, m := guest(t)
	rapid.Check(t, func(t *rapid.T) {
		var set [256]byte
		for b := range 4 {
			set[b] = rapid.ByteRange(0, 7).Draw(t, "kind")
		}
		texts := rapid.SliceOfN(rapid.SliceOfN(rapid.ByteRange(0, 4), 0, 40), 0, 20).Draw(t, "texts")
		var data []byte
		var offsets, lists, places []uint32
		offsets, lists = append(offsets, 0), append(lists, 0)
		for _, text := range texts {
			for i, b := range text {
				first := i == 0 || set[text[i-1]]&byteWord == 0
				if set[b]&byteFound != 0 || set[b]&byteFirst != 0 && first {
					places = append(places, uint32(i))
				}
			}
			data = append(data, text...)
			offsets, lists = append(offsets, uint32(len(data))), append(lists, uint32(len(places)))
		}
		m.Memory().Write(setAt, set[:])
		m.Memory().Write(offsetsAt, words(offsets))
		m.Memory().Write(dataAt, data)
		want := append(lists, places...)
		room := rapid.IntRange(0, len(want)).Draw(t, "room")
		blank := slices.Repeat([]byte{0xaa}, 4*len(want))
		m.Memory().Write(listsAt, blank)
		n := bytesFind(ctx, m, setAt, offsetsAt, uint32(len(texts)), dataAt, listsAt, uint32(room))
		got, _ := m.Memory().Read(listsAt, uint32(len(blank)))
		if expected := append(words(want[:room]), blank[4*room:]...); int(n) != len(want) || !slices.Equal(got, expected) {
			t.Fatalf("%d words\n%x, not %d\n%x", n, got, len(want), expected)
		}
	})
}

func words(v []uint32) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}
