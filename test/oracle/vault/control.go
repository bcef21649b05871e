// The second port: PUT /token/NAME and /role/NAME grant, DELETE /token/NAME revokes, PUT and DELETE /fault switch one on
// and off, GET /requests counts what was asked, by path.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// What happens to requests whose path ends with Path (all of them, where it is empty), Times times (0: until it is switched off).
type fault struct {
	Path  string `json:"path"`
	Times int    `json:"times"`
	// Answered instead of what was asked.
	Status   int    `json:"status"`
	Body     string `json:"body"`
	Location string `json:"location"`
	// Before anything is answered; with Hang never.
	Milliseconds int  `json:"milliseconds"`
	Hang         bool `json:"hang"`
	// Done to the true answer: Old becomes New; the connection ends after as many bytes of it; it grows by as many.
	Old     string `json:"old"`
	New     string `json:"new"`
	CutAt   *int   `json:"cutAt"`
	Padding int    `json:"padding"`
}

type faultHandler struct {
	next   http.Handler
	lock   sync.Mutex
	active *fault
	counts map[string]int
}

func (h *faultHandler) set(next *fault) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.active = next
}

// Counts a request, and says what happens to it.
func (h *faultHandler) take(path string) *fault {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.counts[path]++
	current := h.active
	if current == nil || !strings.HasSuffix(path, current.Path) {
		return nil
	}
	if current.Times > 0 {
		if current.Times--; current.Times == 0 {
			h.active = nil
		}
	}
	return current
}

func (h *faultHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hit := h.take(r.URL.Path)
	if hit == nil {
		h.next.ServeHTTP(w, r)
		return
	}
	if hit.Hang {
		<-r.Context().Done()
		return
	}
	time.Sleep(time.Duration(hit.Milliseconds) * time.Millisecond)
	if hit.Status != 0 {
		if hit.Location != "" {
			w.Header().Set("Location", hit.Location)
		}
		w.WriteHeader(hit.Status)
		_, _ = w.Write([]byte(hit.Body))
		return
	}
	h.spoil(w, r, hit)
}

func (h *faultHandler) spoil(w http.ResponseWriter, r *http.Request, hit *fault) {
	recorded := httptest.NewRecorder()
	h.next.ServeHTTP(recorded, r)
	answer := recorded.Body.Bytes()
	if hit.Old != "" {
		answer = bytes.ReplaceAll(answer, []byte(hit.Old), []byte(hit.New))
	}
	answer = append(answer, bytes.Repeat([]byte{' '}, hit.Padding)...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
	w.WriteHeader(recorded.Code)
	if hit.CutAt == nil {
		_, _ = w.Write(answer)
		return
	}
	_, _ = w.Write(answer[:min(*hit.CutAt, len(answer))])
	panic(http.ErrAbortHandler)
}

type controlHandler struct {
	tokens *tokens
	faults *faultHandler
}

func (h *controlHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if err := h.do(w, r, kind, name); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (h *controlHandler) do(w http.ResponseWriter, r *http.Request, kind, name string) error {
	h.tokens.lock.Lock()
	defer h.tokens.lock.Unlock()
	switch r.Method + " " + kind {
	case "PUT token":
		granted := &grant{}
		if err := json.NewDecoder(r.Body).Decode(granted); err != nil {
			return err
		}
		h.tokens.grants[name] = granted.begin()
	case "DELETE token":
		delete(h.tokens.grants, name)
	case "PUT role":
		granted := role{}
		if err := json.NewDecoder(r.Body).Decode(&granted); err != nil {
			return err
		}
		h.tokens.roles[name] = granted
	case "PUT fault":
		next := &fault{}
		if err := json.NewDecoder(r.Body).Decode(next); err != nil {
			return err
		}
		h.faults.set(next)
	case "DELETE fault":
		h.faults.set(nil)
	case "GET requests":
		h.faults.lock.Lock()
		defer h.faults.lock.Unlock()
		respond(w, h.faults.counts)
	default:
		return fmt.Errorf("there is no %s %s", r.Method, r.URL.Path)
	}
	return nil
}
