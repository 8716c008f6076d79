package web

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template/parse"
)

// executedTemplates is every template that the tests of this run executed.
var executedTemplates = &names{seen: make(map[string]bool)}

type names struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (n *names) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen[name] = true
}

// TestMain fails a whole run of the tests in which some template was never rendered: a template is a program,
// and one that no test runs is one that nobody has seen.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && wholeRun() {
		if missing := neverRendered(); len(missing) > 0 {
			fmt.Fprintf(os.Stderr, "templates that no test renders: %s\n", strings.Join(missing, ", "))
			code = 1
		}
	}
	os.Exit(code)
}

// wholeRun reports whether all tests were to run.
func wholeRun() bool {
	for _, argument := range os.Args[1:] {
		name, value, _ := strings.Cut(argument, "=")
		switch strings.TrimLeft(name, "-") {
		case "test.run", "test.skip", "test.list", "test.fuzz":
			if value != "" {
				return false
			}
		case "test.short":
			return value == "false"
		}
	}
	return true
}

// neverRendered returns the templates that no test executed, directly or within another.
func neverRendered() []string {
	p, err := newPages(files, &static{names: staticNames()})
	if err != nil {
		return []string{err.Error()}
	}
	rendered := maps.Clone(executedTemplates.seen)
	var missing []string
	for folder, set := range p.sets {
		var follow func(name string)
		follow = func(name string) {
			t := set.Lookup(name)
			if t == nil || t.Tree == nil {
				return
			}
			for _, inner := range includedBy(t.Tree.Root) {
				if key := folder + "/" + inner; !rendered[key] {
					rendered[key] = true
					follow(inner)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(executedTemplates.seen)) {
			if inner, ok := strings.CutPrefix(name, folder+"/"); ok {
				follow(inner)
			}
		}
		for _, t := range set.Templates() {
			if key := folder + "/" + t.Name(); !rendered[key] && !strings.HasSuffix(t.Name(), ".html") && t.Name() != folder {
				missing = append(missing, key)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// includedBy returns the templates that a node includes.
func includedBy(node parse.Node) []string {
	var all []string
	branch := func(b *parse.BranchNode) {
		all = append(all, includedBy(b.List)...)
		if b.ElseList != nil {
			all = append(all, includedBy(b.ElseList)...)
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, inner := range n.Nodes {
			all = append(all, includedBy(inner)...)
		}
	case *parse.TemplateNode:
		all = append(all, n.Name)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	}
	return all
}

// staticNames gives every static file a name, for templates that are only looked at.
func staticNames() map[string]string {
	s, err := newStatic(files, "static")
	if err != nil {
		return nil
	}
	return s.names
}
