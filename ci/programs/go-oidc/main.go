// Package main is the application of the page: go-oidc with oauth2. Its environment is the Secret.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

type session struct {
	verifier string
	token    *oauth2.Token
	claims   map[string]any
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	read := os.Getenv
	ctx := context.Background()
	provider := must(oidc.NewProvider(ctx, read("issuer")))
	config := oauth2.Config{
		ClientID:     read("client_id"),
		ClientSecret: read("client_secret"),
		RedirectURL:  read("redirect_uris"),
		Endpoint:     provider.Endpoint(),
		Scopes:       strings.Fields(read("scopes")),
	}
	var sessions sync.Map // by the state, which is the cookie too
	with := func(next func(w http.ResponseWriter, r *http.Request, found *session) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			cookie, err := r.Cookie("session")
			if err != nil {
				http.Error(w, "nobody is signed in", http.StatusUnauthorized)
				return
			}
			found, ok := sessions.Load(cookie.Value)
			if !ok {
				http.Error(w, "nobody is signed in", http.StatusUnauthorized)
				return
			}
			if err := next(w, r, found.(*session)); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		}
	}
	http.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		state, verifier := rand.Text(), oauth2.GenerateVerifier()
		sessions.Store(state, &session{verifier: verifier})
		http.SetCookie(w, &http.Cookie{Name: "session", Value: state, Path: "/"})
		http.Redirect(w, r, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), http.StatusFound)
	})
	http.Handle("/callback", with(func(w http.ResponseWriter, r *http.Request, found *session) error {
		if cookie, _ := r.Cookie("session"); cookie.Value != r.FormValue("state") {
			return errors.New("another sign-in")
		}
		token, err := config.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption(found.verifier))
		if err != nil {
			return err
		}
		raw, _ := token.Extra("id_token").(string)
		idToken, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, raw)
		if err != nil {
			return err
		}
		found.token = token
		http.Redirect(w, r, "/", http.StatusFound)
		return idToken.Claims(&found.claims)
	}))
	http.Handle("/{$}", with(func(w http.ResponseWriter, _ *http.Request, found *session) error {
		return json.NewEncoder(w).Encode(found.claims)
	}))
	http.Handle("/refresh", with(func(_ http.ResponseWriter, _ *http.Request, found *session) error {
		token, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: found.token.RefreshToken}).Token()
		if err == nil {
			found.token = token
		}
		return err
	}))
	http.Handle("/logout", with(func(w http.ResponseWriter, r *http.Request, _ *session) error {
		sessions.Clear()
		http.Redirect(w, r, "/", http.StatusFound)
		return nil
	}))
	panic(http.ListenAndServe(read("LISTEN"), nil))
}
