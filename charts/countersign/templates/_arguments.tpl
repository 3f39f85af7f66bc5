{{/* What each program is started with; checks.yaml knows the flags as the chart's own. */}}
{{- define "countersign.webhookArguments" -}}
- --listen=0.0.0.0:9443
- --probe-listen=0.0.0.0:8080
{{- if eq .Values.tls.source "BuiltIn" }}
- --ca-secret={{ .Release.Namespace }}/countersign-webhook-ca
- --leaf-lifetime={{ .Values.tls.builtIn.leafLifetime }}
- --ca-lifetime={{ .Values.tls.builtIn.authorityLifetime }}
{{- else }}
- --tls-cert=/etc/countersign/tls/tls.crt
- --tls-key=/etc/countersign/tls/tls.key
{{- end }}
- --tls-name=countersign-webhook.{{ .Release.Namespace }}.svc
{{- if .Values.tls.clientCaSecret }}
- --client-ca=/etc/countersign/client-ca/ca.crt
{{- range .Values.tls.allowedClients }}
- {{ printf "--allowed-client=%s" . | quote }}
{{- end }}
{{- end }}
- --stamp-key=/etc/countersign/stamp/key.pem
- --installation={{ .Values.installation }}
- --operator-user=system:serviceaccount:{{ .Release.Namespace }}:countersign-operator
{{- if .Values.webhook.requireCredentialId }}
- --require-credential-id
{{- end }}
- --drain-seconds={{ .Values.webhook.drainSeconds }}
- --guard-elsewhere={{ .Values.guard.elsewhere }}
{{- range .Values.guard.trustedControllers }}
- {{ printf "--trusted-controller=%s" . | quote }}
{{- end }}
{{- if .Values.guard.profiles }}
- --serving-profiles=/etc/countersign/serving/profiles.yaml
{{- end }}
{{- end }}

{{- define "countersign.operatorArguments" -}}
- --probe-listen=0.0.0.0:8080
- --stamp-key=/etc/countersign/stamp/key.pem
- --installation={{ .Values.installation }}
- --namespace={{ .Release.Namespace }}
- --workers={{ .Values.operator.workers }}
- --webhook-service={{ .Release.Namespace }}/countersign-webhook
- --webhook-timeout={{ .Values.webhook.timeoutSeconds }}
{{- if eq .Values.tls.source "BuiltIn" }}
- --ca-secret={{ .Release.Namespace }}/countersign-webhook-ca
{{- end }}
- --guard-elsewhere={{ .Values.guard.elsewhere }}
- --scan-seconds={{ .Values.guard.scanSeconds }}
{{- if .Values.guard.profiles }}
- --serving-profiles=/etc/countersign/serving/profiles.yaml
{{- end }}
{{- end }}
