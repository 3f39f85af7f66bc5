// Sends one body again and again on keep-alive connections, each as soon as it was answered, and fails
// at the first answer that does not allow. What the server spends meanwhile its caller reads.
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
)

func main() {
	url := flag.String("url", "", "where to")
	authority := flag.String("ca", "", "PEM file with the server's authority")
	file := flag.String("body", "", "file with the body")
	connections := flag.Int("connections", 32, "how many at once")
	requests := flag.Int64("requests", 10000, "how many in all")
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
