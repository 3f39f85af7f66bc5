package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// What became of the requests of one kind. Latencies count from when a request was due, not from when
// a connection was free for it.
type tally struct {
	Allowed   int     `json:"allowed"`
	Denied    int     `json:"denied"`
	Shed      int     `json:"shed"`    // 429 with Retry-After
	Expired   int     `json:"expired"` // 503: its time had passed when a worker came to it
	Late      int     `json:"late"`    // no answer within the timeout
	Unsent    int     `json:"unsent"`  // no connection was free in time
	Broken    int     `json:"broken"`  // the connection failed
	Other     int     `json:"other"`   // any other answer
	Example   string  `json:"example"` // of Other and Broken
	P50       float64 `json:"p50"`     // ms, of what was allowed or denied
	P99       float64 `json:"p99"`
	P999      float64 `json:"p999"`
	ShedP99   float64 `json:"shedP99"`
	latencies []float64
	sheds     []float64
	lock      sync.Mutex
}

func (t *tally) add(due time.Time, status int, retry bool, content []byte, err error) {
	ms := float64(time.Since(due)) / 1e6
	t.lock.Lock()
	defer t.lock.Unlock()
	switch {
	case err != nil && os.IsTimeout(err):
		t.Late++
	case err != nil:
		t.Broken++
		t.Example = err.Error()
	case status == 200 && bytes.Contains(content, []byte(`"allowed":true`)):
		t.Allowed++
		t.latencies = append(t.latencies, ms)
	case status == 200 && bytes.Contains(content, []byte(`"allowed":false`)):
		t.Denied++
		t.latencies = append(t.latencies, ms)
	case status == 429 && retry:
		t.Shed++
		t.sheds = append(t.sheds, ms)
	case status == 503:
		t.Expired++
	default:
		t.Other++
		t.Example = string(content[:min(len(content), 300)])
	}
}

func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(p*float64(len(sorted)-1))]
}

func (t *tally) finish() {
	slices.Sort(t.latencies)
	slices.Sort(t.sheds)
	t.P50, t.P99, t.P999 = percentile(t.latencies, 0.5), percentile(t.latencies, 0.99), percentile(t.latencies, 0.999)
	t.ShedP99 = percentile(t.sheds, 0.99)
}

// How long a request waits for a free connection. Were it the timeout, each would be sent when it has
// almost run out.
const patience = 100 * time.Millisecond

type job struct {
	due time.Time
	bad bool
}

// Offers `rate` requests a second whatever the answers do, every fourth a bad one if there is a body
// for it, on at most so many connections as the client has.
func open(client *http.Client, url string, good, bad []byte, connections int, rate, seconds float64, timeout time.Duration) {
	var tallies [2]tally
	jobs := make(chan job, int(rate*seconds)+1)
	var done sync.WaitGroup
	for range connections {
		done.Go(func() {
			for j := range jobs {
				body, of := good, &tallies[0]
				if j.bad {
					body, of = bad, &tallies[1]
				}
				if time.Since(j.due) > patience {
					of.lock.Lock()
					of.Unsent++
					of.lock.Unlock()
					continue
				}
				one(client, url, body, j.due, timeout, of)
			}
		})
	}
	start := time.Now()
	total := int(rate * seconds)
	for sent := 0; sent < total; {
		for wanted := min(total, int(rate*time.Since(start).Seconds())+1); sent < wanted; sent++ {
			due := start.Add(time.Duration(float64(sent) / rate * 1e9))
			jobs <- job{due, bad != nil && sent%4 == 3}
		}
		time.Sleep(500 * time.Microsecond)
	}
	close(jobs)
	done.Wait()
	out := map[string]any{"seconds": time.Since(start).Seconds(), "offered": total}
	for i, name := range []string{"good", "bad"} {
		tallies[i].finish()
		out[name] = &tallies[i]
	}
	json.NewEncoder(os.Stdout).Encode(out)
}

func one(client *http.Client, url string, body []byte, due time.Time, timeout time.Duration, of *tally) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		of.add(due, 0, false, nil, err)
		return
	}
	content, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	of.add(due, answer.StatusCode, answer.Header.Get("Retry-After") != "", content, err)
}
