// A minimal admission webhook on controller-runtime, to compare with: it decodes the object that is
// reviewed into its Go type, as every controller does, and allows it. No policy, no evidence, no
// caches, no record.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os/signal"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/go-logr/logr"
)

type modelDeploymentSpec struct {
	UseCaseRef struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"useCaseRef"`
	Model struct {
		Name       string `json:"name"`
		Version    string `json:"version"`
		Digest     string `json:"digest"`
		DigestType string `json:"digestType"`
		URI        string `json:"uri"`
	} `json:"model"`
	Serving struct {
		Backend  string                 `json:"backend"`
		Replicas int32                  `json:"replicas"`
		Port     int32                  `json:"port"`
		Template corev1.PodTemplateSpec `json:"template"`
	} `json:"serving"`
}

type modelDeployment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              modelDeploymentSpec `json:"spec"`
}

func (m *modelDeployment) DeepCopyObject() runtime.Object {
	copied := *m
	m.ObjectMeta.DeepCopyInto(&copied.ObjectMeta)
	m.Spec.Serving.Template.DeepCopyInto(&copied.Spec.Serving.Template)
	return &copied
}

type parser struct{ decoder admission.Decoder }

func (p parser) Handle(_ context.Context, request admission.Request) admission.Response {
	var deployment modelDeployment
	if err := p.decoder.Decode(request, &deployment); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	if deployment.Spec.Model.Digest == "" {
		return admission.Denied("the model is not named by digest")
	}
	return admission.Allowed("")
}

func main() {
	port := flag.Int("port", 9443, "port on 127.0.0.1")
	certificates := flag.String("cert-dir", "", "folder with tls.crt and tls.key")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	scheme := runtime.NewScheme()
	version := schema.GroupVersion{Group: "countersign.dev", Version: "v1alpha1"}
	scheme.AddKnownTypeWithName(version.WithKind("ModelDeployment"), &modelDeployment{})
	server := webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: *port, CertDir: *certificates})
	server.Register("/validate", &webhook.Admission{Handler: parser{admission.NewDecoder(scheme)}})
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := server.Start(stop); err != nil {
		log.Fatal(err)
	}
}
