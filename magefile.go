//go:build mage

// An exactly-once, crash-proof word count over many files. What depends on what:
//
//	redis:start → functions:load → stream:seed ─┬→ workers:spawn ───┬→ run → verify
//	                                            └→ checkpoint:loop ─┘
//
//mage:multiline
package main

import (
	//mage:import
	_ "github.com/magereduce/magereduce/pkg/targets"
)
