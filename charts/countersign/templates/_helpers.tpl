{{/* Labels of everything; `.part` is webhook or operator, where it is of one. */}}
{{- define "countersign.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/part-of: countersign
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "countersign.selector" -}}
app.kubernetes.io/name: {{ .part }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "countersign.image" -}}
{{- $repository := .Values.image.repository -}}
{{- if .Values.image.registry }}{{ $repository = printf "%s/%s" .Values.image.registry $repository }}{{ end -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "countersign.stampKeySecret" -}}
{{ .Values.stampKey.existingSecret | default "countersign-stamp-key" }}
{{- end }}

{{/* Whether lookup sees a cluster: not under `helm template`, which is how Argo CD renders. */}}
{{- define "countersign.seesCluster" -}}
{{- if lookup "v1" "Namespace" "" "kube-system" }}yes{{ end -}}
{{- end }}

{{/* Whether the chart makes the stamp key, or keeps it as it is there. */}}
{{- define "countersign.makesStampKey" -}}
{{- if and (not .Values.stampKey.existingSecret) (include "countersign.seesCluster" .) }}yes{{ end -}}
{{- end }}

{{- define "countersign.tlsSecret" -}}
{{- if eq .Values.tls.source "Secret" }}{{ .Values.tls.existingSecret }}{{ else }}countersign-webhook-tls{{ end -}}
{{- end }}

{{- define "countersign.serviceNames" -}}
{{- $base := printf "countersign-webhook.%s" .Release.Namespace -}}
{{ list (printf "%s.svc" $base) $base (printf "%s.svc.cluster.local" $base) | toJson }}
{{- end }}

{{/*
The certificate that the chart makes: what is there, while it is good, else a new one. The same for
all templates of one rendering, since it is kept in the values.
*/}}
{{- define "countersign.helmTls" -}}
{{- if not (hasKey .Values "_tls") -}}
{{- $old := lookup "v1" "Secret" .Release.Namespace "countersign-webhook-tls" -}}
{{- $good := false -}}
{{- if $old -}}
{{- $ends := dig "metadata" "annotations" "countersign.dev/not-after" "0" $old | int64 -}}
{{- $good = gt $ends (add (now | unixEpoch | int64) (mul .Values.tls.renewBeforeDays 86400)) -}}
{{- end -}}
{{- if $good -}}
{{- $_ := set .Values "_tls" (dict "ca" (index $old.data "ca.crt" | b64dec) "cert" (index $old.data "tls.crt" | b64dec) "key" (index $old.data "tls.key" | b64dec) "notAfter" (index $old.metadata.annotations "countersign.dev/not-after")) -}}
{{- else -}}
{{- $days := int .Values.tls.validDays -}}
{{- $ca := genCAWithKey "countersign" $days (genPrivateKey "ecdsa") -}}
{{- $cert := genSignedCertWithKey (printf "countersign-webhook.%s.svc" .Release.Namespace) nil (include "countersign.serviceNames" . | fromJsonArray) $days $ca (genPrivateKey "ecdsa") -}}
{{- $bundle := $ca.Cert -}}
{{- if $old }}{{ $bundle = printf "%s%s" $ca.Cert (regexFind "-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?" (index $old.data "ca.crt" | b64dec)) }}{{ end -}}
{{- $_ := set .Values "_tls" (dict "ca" $bundle "cert" $cert.Cert "key" $cert.Key "notAfter" (add (now | unixEpoch | int64) (mul $days 86400) | toString)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "countersign.caBundle" -}}
{{- if eq .Values.tls.source "Helm" -}}
{{- include "countersign.helmTls" . -}}{{ .Values._tls.ca | b64enc }}
{{- else if eq .Values.tls.source "Secret" -}}
{{ .Values.tls.caBundle | b64enc }}
{{- end -}}
{{- end }}

{{- define "countersign.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "countersign.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Replicas apart from each other, by node and by zone, where the cluster has several. */}}
{{- define "countersign.spread" -}}
topologySpreadConstraints:
- maxSkew: 1
  topologyKey: topology.kubernetes.io/zone
  whenUnsatisfiable: ScheduleAnyway
  labelSelector: {matchLabels: {{ include "countersign.selector" . | fromYaml | toJson }}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector: {matchLabels: {{ include "countersign.selector" . | fromYaml | toJson }}}
{{- end }}
