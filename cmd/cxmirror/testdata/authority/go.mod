module cxmirror/cmd/cxmirror/testdata/authority

go 1.26.0

require (
	// As Let's Encrypt does, 2.8.0 says where an order is when it finalizes one. Later versions leave that out, as the
	// standard allows, and golang.org/x/crypto gets a certificate then from 0.58.0 on.
	github.com/letsencrypt/pebble/v2 v2.8.0
	github.com/miekg/dns v1.1.62
)

require (
	github.com/go-jose/go-jose/v4 v4.1.0 // indirect
	github.com/letsencrypt/challtestsrv v1.3.2 // indirect
	golang.org/x/mod v0.24.0 // indirect
	golang.org/x/net v0.40.0 // indirect
	golang.org/x/sync v0.14.0 // indirect
	golang.org/x/sys v0.33.0 // indirect
	golang.org/x/tools v0.33.0 // indirect
)
