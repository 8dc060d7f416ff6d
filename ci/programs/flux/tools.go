//go:build tools

// Package tools names what is built from here: the controller of Flux that applies what Git has.
package tools

import _ "github.com/fluxcd/kustomize-controller"
