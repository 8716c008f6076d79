package charts

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

// Engine turns charts into SVG by running Apache ECharts without a browser. It is safe for concurrent use:
// every drawing takes one of a few runtimes, each of which draws one chart at a time. The runtimes start
// when they are first needed, or ahead of that by [Engine.Warm].
type Engine struct {
	compile func() (*goja.Program, error) // once; the program is shared by the runtimes
	idle    chan *painter                 // holds nil for a runtime that has not been started yet
	drawn   *cache
}

// mostPainters bounds the runtimes of an engine: each takes some 15 MB, and charts are drawn once and kept.
const mostPainters = 4

// cachedBytes is how many bytes of drawn charts an engine keeps.
const cachedBytes = 16 << 20

// NewEngine returns an engine; ErrNoAssets if the program was built without ECharts. It starts nothing yet.
func NewEngine() (*Engine, error) {
	source, err := Bundle()
	if err != nil {
		return nil, err
	}
	n := min(max(runtime.GOMAXPROCS(0), 1), mostPainters)
	e := &Engine{
		compile: sync.OnceValues(func() (*goja.Program, error) {
			tree, err := goja.Parse("echarts.js", string(source), parser.WithDisableSourceMaps)
			if err != nil {
				return nil, err
			}
			return goja.CompileAST(tree, false)
		}),
		idle:  make(chan *painter, n),
		drawn: newCache(cachedBytes),
	}
	for range n {
		e.idle <- nil
	}
	return e, nil
}

// Warm starts one runtime, so that the first drawing does not wait for it. It returns early, with the
// context's error, if the context ends.
func (e *Engine) Warm(ctx context.Context) error {
	p, err := e.painter(ctx)
	if err != nil {
		return err
	}
	e.idle <- p
	return nil
}

// SVG draws a chart. The picture stands alone: it refers to nothing outside, runs nothing, and several of
// them can lie in one page, since their ids differ. Drawings are kept: asking again for the same chart costs
// next to nothing. Callers must not change the bytes.
func (e *Engine) SVG(ctx context.Context, c Chart) ([]byte, error) {
	if c.Width <= 0 || c.Height <= 0 {
		return nil, fmt.Errorf("charts: draw %s: no size (%d by %d)", c.Name, c.Width, c.Height)
	}
	key := fingerprint(c)
	if svg, ok := e.drawn.find(key); ok {
		return svg, nil
	}
	p, err := e.painter(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := p.draw(ctx, c)
	if err != nil {
		// Whatever state the runtime is in now, the next drawing begins with a fresh one.
		e.idle <- nil
		return nil, fmt.Errorf("charts: draw %s: %w", c.Name, err)
	}
	e.idle <- p
	svg, err := clean(raw, c, fmt.Sprintf("cx%x", key[:4]))
	if err != nil {
		return nil, fmt.Errorf("charts: draw %s: %w", c.Name, err)
	}
	e.drawn.keep(key, svg)
	return svg, nil
}

// painter takes a runtime out of the pool, waiting for one to become idle, and starts it if need be.
func (e *Engine) painter(ctx context.Context) (*painter, error) {
	var p *painter
	select {
	case p = <-e.idle:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if p == nil {
		started, err := e.start()
		if err != nil {
			e.idle <- nil
			return nil, fmt.Errorf("charts: start the engine: %w", err)
		}
		p = started
	}
	if err := ctx.Err(); err != nil {
		e.idle <- p
		return nil, context.Cause(ctx)
	}
	return p, nil
}

// painter is one runtime with ECharts loaded.
type painter struct {
	runtime *goja.Runtime
	svg     goja.Callable // svg(option, width, height)
}

// start loads ECharts into a new runtime. What the runtime can reach beside ECharts is the two functions
// bound here: there are no files, no network, no clock to wait for.
func (e *Engine) start() (*painter, error) {
	program, err := e.compile()
	if err != nil {
		return nil, err
	}
	face, err := newTypeface()
	if err != nil {
		return nil, err
	}
	vm := goja.New()
	// A still picture is complete when drawn; nothing that is put off is waited for.
	if err := vm.Set("setTimeout", func(goja.FunctionCall) goja.Value { return vm.ToValue(0) }); err != nil {
		return nil, err
	}
	if _, err := vm.RunProgram(program); err != nil {
		return nil, err
	}
	library := vm.Get("cxmirror")
	if library == nil || goja.IsUndefined(library) {
		return nil, errors.New("the bundle does not define cxmirror")
	}
	object := library.ToObject(vm)
	measureWith, ok := goja.AssertFunction(object.Get("measureWith"))
	if !ok {
		return nil, errors.New("the bundle does not define cxmirror.measureWith")
	}
	measure := func(call goja.FunctionCall) goja.Value {
		return vm.ToValue(face.widthIn(call.Argument(0).String(), call.Argument(1).String()))
	}
	if _, err := measureWith(goja.Undefined(), vm.ToValue(measure)); err != nil {
		return nil, err
	}
	svg, ok := goja.AssertFunction(object.Get("svg"))
	if !ok {
		return nil, errors.New("the bundle does not define cxmirror.svg")
	}
	return &painter{runtime: vm, svg: svg}, nil
}

// draw runs ECharts over an option. If the context ends meanwhile, the run is interrupted.
func (p *painter) draw(ctx context.Context, c Chart) (string, error) {
	stop := context.AfterFunc(ctx, func() { p.runtime.Interrupt(context.Cause(ctx)) })
	defer stop()
	drawn, err := p.svg(goja.Undefined(), p.runtime.ToValue(string(c.Option)), p.runtime.ToValue(c.Width), p.runtime.ToValue(c.Height))
	if interrupted := context.Cause(ctx); interrupted != nil {
		return "", interrupted
	}
	if err != nil {
		return "", err
	}
	return drawn.String(), nil
}

// fingerprint tells charts apart by everything that shows in the picture.
func fingerprint(c Chart) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d %d %q\n", c.Name, c.Language, c.Width, c.Height, c.Description)
	h.Write(c.Option)
	return [sha256.Size]byte(h.Sum(nil))
}

// cache keeps the drawings that were asked for last, up to a number of bytes.
type cache struct {
	mu    sync.Mutex
	room  int
	used  int
	order *list.List // of drawing, last asked for first
	byKey map[[sha256.Size]byte]*list.Element
}

type drawing struct {
	key [sha256.Size]byte
	svg []byte
}

func newCache(room int) *cache {
	return &cache{room: room, order: list.New(), byKey: make(map[[sha256.Size]byte]*list.Element)}
}

func (c *cache) find(key [sha256.Size]byte) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.byKey[key]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(element)
	kept, ok := element.Value.(drawing)
	return kept.svg, ok
}

func (c *cache) keep(key [sha256.Size]byte, svg []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, kept := c.byKey[key]; kept || len(svg) > c.room {
		return
	}
	c.byKey[key] = c.order.PushFront(drawing{key, svg})
	c.used += len(svg)
	for c.used > c.room {
		last, ok := c.order.Remove(c.order.Back()).(drawing)
		if !ok {
			return
		}
		delete(c.byKey, last.key)
		c.used -= len(last.svg)
	}
}
