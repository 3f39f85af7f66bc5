// Command etcd is the etcd server. The upstream module keeps its main package outside of the
// server module, so this is the same call.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
