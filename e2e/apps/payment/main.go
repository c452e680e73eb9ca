// Payments of the demo shop: asks fraud-service, then charges once per Idempotency-Key. Plain HTTP, nothing else.
// POST /failures?percent=N makes that share of charges answer 503 before anything is charged.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
)

type charge struct {
	Order  string  `json:"order"`
	Amount float64 `json:"amount"`
}

type ledger struct {
	sync.Mutex
	byKey    map[string][]byte
	charges  int
	repeated int
	refused  int
	percent  int
}

var (
	version = envOr("VERSION", "v1")
	fraud   = envOr("FRAUD_URL", "http://fraud-service/check")
	book    = &ledger{byKey: map[string][]byte{}}
)

func envOr(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// suspicious asks fraud-service and passes the trace on.
func suspicious(r *http.Request, c charge) (bool, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return false, err
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, fraud, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	if trace := r.Header.Get("Traceparent"); trace != "" {
		request.Header.Set("Traceparent", trace)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return false, err
	}
	if response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("fraud-service answered %d: %s", response.StatusCode, answer)
	}
	var verdict struct {
		Suspicious bool `json:"suspicious"`
	}
	err = json.Unmarshal(answer, &verdict)
	return verdict.Suspicious, err
}

func handleCharge(w http.ResponseWriter, r *http.Request) {
	var c charge
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&c); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	book.Lock()
	fails := rand.IntN(100) < book.percent
	if fails {
		book.refused++
	}
	book.Unlock()
	if fails {
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "the bank is busy", "version": version})
		return
	}
	bad, err := suspicious(r, c)
	if err != nil {
		writeJSON(w, http.StatusBadGateway, map[string]string{"error": err.Error(), "version": version})
		return
	}
	if bad {
		writeJSON(w, http.StatusPaymentRequired, map[string]string{"error": "suspicious", "version": version})
		return
	}
	writeJSON(w, http.StatusOK, json.RawMessage(book.settle(r.Header.Get("Idempotency-Key"), c)))
}

// settle charges once a key; the same key gets the first answer again.
func (l *ledger) settle(key string, c charge) []byte {
	l.Lock()
	defer l.Unlock()
	if first, ok := l.byKey[key]; ok && key != "" {
		l.repeated++
		return first
	}
	l.charges++
	answer, _ := json.Marshal(map[string]any{"order": c.Order, "charged": c.Amount, "version": version})
	if key != "" {
		l.byKey[key] = answer
	}
	return answer
}

func handleStats(w http.ResponseWriter, _ *http.Request) {
	book.Lock()
	defer book.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"version": version, "charges": book.charges, "repeated": book.repeated, "refused": book.refused})
}

func handleFailures(w http.ResponseWriter, r *http.Request) {
	percent, err := strconv.Atoi(r.URL.Query().Get("percent"))
	if err != nil || percent < 0 || percent > 100 {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "percent must be 0..100"})
		return
	}
	book.Lock()
	book.percent = percent
	book.Unlock()
	writeJSON(w, http.StatusOK, map[string]int{"percent": percent})
}

func main() {
	http.HandleFunc("POST /charge", handleCharge)
	http.HandleFunc("POST /failures", handleFailures)
	http.HandleFunc("GET /stats", handleStats)
	http.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, map[string]bool{"ok": true}) })
	if err := http.ListenAndServe(":3000", nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
