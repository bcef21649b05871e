// Tokens with a lease, and the paths under auth/ that a client asks: renew-self, lookup-self and the login of Kubernetes.
package main

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

const operatorToken = "root"

// What a token may, and until when. Lease 0: it never ends. Grace: how much longer it is taken than its lease says.
type grant struct {
	Keys      []string `json:"keys"`
	Namespace string   `json:"namespace"`
	Lease     float64  `json:"leaseSeconds"`
	Grace     float64  `json:"graceSeconds"`
	Renewable bool     `json:"renewable"`

	expires time.Time
}

func (g *grant) begin() *grant {
	g.expires = time.Now().Add(time.Duration(g.Lease * float64(time.Second)))
	return g
}

func (g *grant) isOver() bool { return g.Lease > 0 && time.Since(g.expires).Seconds() > g.Grace }

func (g *grant) remaining() int {
	if g.Lease == 0 {
		return 0
	}
	return int(time.Until(g.expires).Seconds() + 0.5)
}

// A role of the Kubernetes login: whose JWT opens it, and what the tokens of it may.
type role struct {
	JWT   string `json:"jwt"`
	Grant grant  `json:"grant"`
}

type tokens struct {
	lock   sync.Mutex
	grants map[string]*grant
	roles  map[string]role
}

func newTokens() *tokens {
	return &tokens{grants: map[string]*grant{operatorToken: {Keys: []string{"*"}, Namespace: "*"}}, roles: map[string]role{}}
}

func (t *tokens) of(token, namespace string) *grant {
	held := t.grants[token]
	if held == nil || held.isOver() || (held.Namespace != namespace && held.Namespace != "*") {
		return nil
	}
	return held
}

// As a policy would say it: to sign with a key, and to read its public half; an operator everything.
func (t *tokens) may(token, namespace, path string) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	held := t.of(token, namespace)
	if held == nil {
		return false
	}
	if token == operatorToken {
		return true
	}
	verb, key, _ := strings.Cut(path, "/")
	return (verb == "sign" || verb == "keys") && slices.Contains(held.Keys, key)
}

// False where the path is none of those.
func (t *tokens) serve(w http.ResponseWriter, r *http.Request, namespace, path string, data map[string]any) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	token := r.Header.Get("X-Vault-Token")
	switch {
	case path == "token/renew-self" || path == "token/lookup-self":
		held := t.of(token, namespace)
		if held == nil {
			logical.RespondError(w, http.StatusForbidden, errors.New("permission denied"))
		} else if path == "token/lookup-self" {
			respond(w, map[string]any{"data": map[string]any{"id": token, "ttl": held.remaining(), "renewable": held.Renewable}})
		} else if !held.Renewable {
			logical.RespondError(w, http.StatusBadRequest, errors.New("lease is not renewable"))
		} else {
			respondWithToken(w, token, held.begin())
		}
	case strings.HasSuffix(path, "/login"):
		t.login(w, namespace, data)
	default:
		return false
	}
	return true
}

func (t *tokens) login(w http.ResponseWriter, namespace string, data map[string]any) {
	name, _ := data["role"].(string)
	wanted, found := t.roles[name]
	if !found || wanted.Grant.Namespace != namespace {
		logical.RespondError(w, http.StatusBadRequest, errors.New("invalid role name \""+name+"\""))
		return
	}
	if data["jwt"] != wanted.JWT {
		logical.RespondError(w, http.StatusForbidden, errors.New("permission denied"))
		return
	}
	granted := wanted.Grant
	token := "hvs." + rand.Text()
	t.grants[token] = granted.begin()
	respondWithToken(w, token, t.grants[token])
}

func respondWithToken(w http.ResponseWriter, token string, held *grant) {
	auth := map[string]any{"client_token": token, "lease_duration": held.remaining(), "renewable": held.Renewable}
	respond(w, map[string]any{"auth": auth})
}
