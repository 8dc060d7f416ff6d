// Package main is a web application that signs people in with zitadel/oidc, as its documentation has it. Its environment is the Secret.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

type session struct {
	id, refresh string
	person      *oidc.UserInfo
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	env := os.Getenv
	key := []byte(rand.Text()[:16])
	address := "http://" + env("LISTEN")
	provider := must(rp.NewRelyingPartyOIDC(
		context.Background(), env("issuer"), env("client_id"), env("client_secret"),
		address+"/auth/callback", strings.Fields(env("scopes")),
		rp.WithCookieHandler(httphelper.NewCookieHandler(key, key, httphelper.WithUnsecure())),
		rp.WithSigningAlgsFromDiscovery(),
	))
	var sessions sync.Map
	// who has come in, by the cookie of this application
	find := func(r *http.Request) *session {
		cookie, err := r.Cookie("session")
		if err != nil {
			return nil
		}
		found, ok := sessions.Load(cookie.Value)
		if !ok {
			return nil
		}
		return found.(*session)
	}
	with := func(next func(w http.ResponseWriter, r *http.Request, found *session)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if found := find(r); found != nil {
				next(w, r, found)
				return
			}
			http.Error(w, "nobody is signed in", http.StatusUnauthorized)
		}
	}
	keep := func(
		w http.ResponseWriter, r *http.Request, tokens *oidc.Tokens[*oidc.IDTokenClaims],
		_ string, _ rp.RelyingParty, person *oidc.UserInfo,
	) {
		name := rand.Text()
		sessions.Store(name, &session{tokens.IDToken, tokens.RefreshToken, person})
		http.SetCookie(w, &http.Cookie{Name: "session", Value: name, Path: "/"})
		http.Redirect(w, r, "/", http.StatusFound)
	}
	// the greeting is that of the library's own example: people copy it
	http.Handle("/login", rp.AuthURLHandler(rand.Text, provider, rp.WithPromptURLParam("Welcome back!")))
	http.Handle("/auth/callback", rp.CodeExchangeHandler(rp.UserinfoCallback(keep), provider))
	http.Handle("/{$}", with(func(w http.ResponseWriter, _ *http.Request, found *session) {
		w.Write(must(json.Marshal(found.person)))
	}))
	http.Handle("/refresh", with(func(w http.ResponseWriter, r *http.Request, found *session) {
		tokens, err := rp.RefreshTokens[*oidc.IDTokenClaims](r.Context(), provider, found.refresh, "", "")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		found.refresh = tokens.RefreshToken
	}))
	http.Handle("/logout", with(func(w http.ResponseWriter, r *http.Request, found *session) {
		sessions.Clear()
		leads := must(rp.EndSession(r.Context(), provider, found.id, address+"/bye", "", "", nil))
		http.Redirect(w, r, leads.String(), http.StatusFound)
	}))
	panic(http.ListenAndServe(env("LISTEN"), nil))
}
