//go:build programs

// Package witness only names the programs that build.ts compiles, so that go.mod pins their modules.
package witness

import (
	_ "github.com/summerwind/h2spec/cmd/h2spec"
	_ "google.golang.org/grpc/interop/client"
	_ "google.golang.org/grpc/interop/server"
)
