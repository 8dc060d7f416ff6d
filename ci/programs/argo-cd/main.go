// Package main is the API server of Argo CD alone: what signs people in.
package main

import (
	"os"

	"github.com/argoproj/argo-cd/v3/cmd/argocd-server/commands"
)

func main() {
	if commands.NewCommand().Execute() != nil {
		os.Exit(1)
	}
}
