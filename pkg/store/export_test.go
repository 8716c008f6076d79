package store

// DraftHash returns what is stored of a draft's key.
func DraftHash(d *Draft) []byte { return d.hash() }
