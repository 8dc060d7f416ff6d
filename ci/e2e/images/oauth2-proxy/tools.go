//go:build tools

// Package tools names the program that the end-to-end run builds; its version is in go.mod.
package tools

import _ "github.com/oauth2-proxy/oauth2-proxy/v7"
