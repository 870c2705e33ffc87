package graph

import (
	"context"

	"github.com/magefile/mage/mg"
)

// Node is a node of a build graph. It implements mg.Fn for two reasons: a target with flags can't
// be a dependency, and Mage must distinguish the nodes of two configurations.
type Node struct {
	Needs []mg.Fn // nodes that run before this one

	name, id string
	do       func(context.Context) error
}

// New returns a node that does something after the nodes that it needs. The ID distinguishes it
// from a node with the same name in another graph.
func New(name, id string, do func(context.Context) error, needs ...mg.Fn) *Node {
	return &Node{needs, name, id, do}
}

// Name returns the name by which Mage knows the node, and which -v shows.
func (n *Node) Name() string { return n.name }

// ID distinguishes the node from the nodes of other graphs.
func (n *Node) ID() string { return n.id }

// Run runs what the node needs, then the node.
func (n *Node) Run(ctx context.Context) error {
	err := Run(ctx, n.Needs...)
	if err == nil {
		err = n.do(ctx)
	}
	if err != nil && !claim(ctx, err) {
		return nil // a sibling failed first, and this error is only a consequence
	}
	return err
}

// Find returns the node with this name in a graph, or nil. All nodes of the graph must be of type
// *Node.
func Find(root mg.Fn, name string) *Node {
	n := root.(*Node)
	if n.name == name {
		return n
	}
	for _, need := range n.Needs {
		if found := Find(need, name); found != nil {
			return found
		}
	}
	return nil
}
