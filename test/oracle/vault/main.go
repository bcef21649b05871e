// A Vault that is nothing but its Transit engine, the real one, behind the paths that a client of it uses: tokens with a
// lease, a login of Kubernetes, namespaces, the bounds on requests. A second port makes tokens and faults (control.go).
// Arguments: both addresses, and for TLS a certificate and its key. The token of an operator is "root".
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/helper/jsonutil"
	"github.com/hashicorp/vault/sdk/logical"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 && len(args) != 4 {
		return fmt.Errorf("usage: vault-transit ADDRESS CONTROL-ADDRESS [CERTIFICATE KEY]")
	}
	service := &server{engines: map[string]*engine{}, tokens: newTokens()}
	api, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	control, err := net.Listen("tcp", args[1])
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	faults := &faultHandler{next: service, counts: map[string]int{}}
	go func() { failed <- http.Serve(control, &controlHandler{tokens: service.tokens, faults: faults}) }()
	go func() {
		if len(args) == 4 {
			failed <- http.ServeTLS(api, faults, args[2], args[3])
		} else {
			failed <- http.Serve(api, faults)
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	fmt.Printf("listening %s %s\n", api.Addr(), control.Addr())
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// One namespace's Transit engine, with storage of its own.
type engine struct {
	backend logical.Backend
	storage logical.Storage
}

type server struct {
	lock    sync.Mutex
	engines map[string]*engine
	tokens  *tokens
}

// The defaults of Vault 1.21 (http/handler.go): longer strings are refused with 500.
const maxRequestBytes = 32 * 1024 * 1024

var limits = jsonutil.JSONLimits{
	MaxDepth:             300,
	MaxStringValueLength: 1024 * 1024,
	MaxObjectEntryCount:  10_000,
	MaxArrayElementCount: 10_000,
	MaxTokens:            500_000,
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, found := strings.CutPrefix(r.URL.Path, "/v1/")
	if !found {
		logical.RespondError(w, http.StatusNotFound, nil)
		return
	}
	data, err := body(r)
	if err != nil {
		logical.RespondError(w, http.StatusInternalServerError, err)
		return
	}
	namespace := strings.Trim(r.Header.Get("X-Vault-Namespace"), "/")
	if strings.HasPrefix(path, "auth/") && s.tokens.serve(w, r, namespace, strings.TrimPrefix(path, "auth/"), data) {
		return
	}
	mounted, found := strings.CutPrefix(path, "transit/")
	if !found {
		logical.RespondError(w, http.StatusNotFound, errors.New("no handler for route \""+path+"\". route entry not found."))
		return
	}
	if !s.tokens.may(r.Header.Get("X-Vault-Token"), namespace, mounted) {
		logical.RespondError(w, http.StatusForbidden, errors.New("permission denied"))
		return
	}
	s.transit(w, r, namespace, mounted, data)
}

func body(r *http.Request) (map[string]any, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes+1))
	if err != nil || len(raw) == 0 {
		return map[string]any{}, err
	}
	if len(raw) > maxRequestBytes {
		return nil, errors.New("http: request body too large")
	}
	if _, err := jsonutil.VerifyMaxDepthStreaming(bytes.NewReader(raw), limits, nil); err != nil {
		return nil, err
	}
	data := map[string]any{}
	return data, jsonutil.DecodeJSON(raw, &data)
}

var operations = map[string]logical.Operation{
	http.MethodGet:    logical.ReadOperation,
	http.MethodPost:   logical.UpdateOperation,
	http.MethodPut:    logical.UpdateOperation,
	http.MethodDelete: logical.DeleteOperation,
}

func (s *server) transit(w http.ResponseWriter, r *http.Request, namespace, path string, data map[string]any) {
	mounted, err := s.engine(namespace)
	if err != nil {
		logical.RespondError(w, http.StatusInternalServerError, err)
		return
	}
	request := &logical.Request{Operation: operations[r.Method], Path: path, Data: data, Storage: mounted.storage}
	response, err := mounted.backend.HandleRequest(r.Context(), request)
	if status, err := logical.RespondErrorCommon(request, response, err); status != 0 || err != nil {
		logical.RespondError(w, status, err)
		return
	}
	if response == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	respond(w, logical.LogicalResponseToHTTPResponse(response))
}

func (s *server) engine(namespace string) (*engine, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if known := s.engines[namespace]; known != nil {
		return known, nil
	}
	storage := &logical.InmemStorage{}
	system := &logical.StaticSystemView{}
	backend, err := transit.Factory(context.Background(), &logical.BackendConfig{StorageView: storage, System: system})
	if err != nil {
		return nil, err
	}
	made := &engine{backend: backend, storage: storage}
	s.engines[namespace] = made
	return made, nil
}

func respond(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
