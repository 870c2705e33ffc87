// Package arguments checks the arguments of a compiled magefile before Mage reads them.
//
//	err := arguments.Check(os.Args[1:])
//
// Mage itself notices a wrong argument only after it has run the targets before that. Check asks
// this program for the help of each target, and reads the target's flags there. So it knows every
// target of the magefile. Its errors say what to write instead.
//
// # Caveats
//
// Check knows no alias of a target, and no argument without a name. A magefile with one of them
// must not call it.
package arguments
