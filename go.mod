module countersign.dev/controlplane

go 1.26.0

require (
	k8s.io/kubernetes v1.37.2
	sigs.k8s.io/kwok v0.8.0
	go.etcd.io/etcd/server/v3 v3.7.0
)
