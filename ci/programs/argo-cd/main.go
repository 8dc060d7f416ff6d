// Package main is the API server of Argo CD, which signs people in, and with ARGOCD_BINARY_NAME=argocd the command that people have, as in its own image.
package main

import (
	"os"

	server "github.com/argoproj/argo-cd/v3/cmd/argocd-server/commands"
	people "github.com/argoproj/argo-cd/v3/cmd/argocd/commands"
)

func main() {
	command := server.NewCommand()
	if os.Getenv("ARGOCD_BINARY_NAME") == "argocd" {
		command = people.NewCommand()
	}
	if command.Execute() != nil {
		os.Exit(1)
	}
}
