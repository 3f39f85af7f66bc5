// Sends one body again and again on keep-alive connections, each as soon as it was answered, and fails
// at the first answer that does not allow. What the server spends meanwhile its caller reads. With -rate
// it sends as often as that says instead, and tells what became of all.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	url := flag.String("url", "", "where to")
	authority := flag.String("ca", "", "PEM file with the server's authority")
	file := flag.String("body", "", "file with the body")
	connections := flag.Int("connections", 32, "how many at once")
	requests := flag.Int64("requests", 10000, "how many in all")
	rate := flag.Float64("rate", 0, "requests a second, whatever the answers do; 0: as they are answered")
	seconds := flag.Float64("seconds", 10, "how long, with -rate")
	timeout := flag.Duration("timeout", 5*time.Second, "how long a request of those counts, with -rate")
	badFile := flag.String("bad", "", "file with a body that must be denied, every fourth request, with -rate")
	flag.Parse()
	body, err := os.ReadFile(*file)
	if err != nil {
		log.Fatal(err)
	}
	pem, err := os.ReadFile(*authority)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots},
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1, as API servers
		MaxIdleConnsPerHost: *connections,
	}}
	if *rate > 0 {
		var bad []byte
		if *badFile != "" {
			if bad, err = os.ReadFile(*badFile); err != nil {
				log.Fatal(err)
			}
		}
		open(client, *url, body, bad, *connections, *rate, *seconds, *timeout)
		return
	}
	var left atomic.Int64
	left.Store(*requests)
	var done sync.WaitGroup
	for range *connections {
		done.Go(func() {
			for left.Add(-1) >= 0 {
				answer, err := client.Post(*url, "application/json", bytes.NewReader(body))
				if err != nil {
					log.Fatal(err)
				}
				content, err := io.ReadAll(answer.Body)
				answer.Body.Close()
				if err != nil || answer.StatusCode != 200 || !bytes.Contains(content, []byte(`"allowed":true`)) {
					log.Fatal(answer.Status, string(content))
				}
			}
		})
	}
	done.Wait()
}
