package exchange

import _ "embed" // the manual is part of the program

//go:embed maps.txt
var mapManual string

// MapManual returns the manual of maps: plain text in lines of at most 80 characters. Its examples are
// complete, and are tested: what follows a file and a map there is what [Open] reads.
func MapManual() string { return mapManual }
