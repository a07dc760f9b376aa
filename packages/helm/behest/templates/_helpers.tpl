{{- define "behest.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "behest.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "behest.labels" -}}
{{ include "behest.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "behest.scheme" -}}
{{- if .Values.tls.secretName }}https{{ else }}http{{ end -}}
{{- end -}}

{{/* What would start and be wrong, or would not start: refused before anything is changed in the cluster. */}}
{{- define "behest.refuse" -}}
{{- if ne (int .Values.replicas) 1 -}}
{{- fail (printf "replicas: %v: behest runs as one process, since its relations are not shared between processes: a suspension written to one would not count at another. Set replicas to 1" .Values.replicas) -}}
{{- end -}}
{{- if not .Values.image.repository -}}
{{- fail "image.repository: say where the image is: no image of behest is published; build it with packages/container and push it" -}}
{{- end -}}
{{- if not (or (contains "[[callers]]" .Values.settings) (hasKey (default dict .Values.secrets) "BEHEST_ADMIN_KEY")) -}}
{{- fail "settings.callers: no caller is configured, and the service would refuse to start: add one, or an admin's key in secrets.BEHEST_ADMIN_KEY" -}}
{{- end -}}
{{- if not (or .Values.tls.secretName .Values.behindProxy) -}}
{{- fail "tls.secretName: keys would travel in the clear, and the service would refuse to start: name a TLS secret, or set behindProxy where a proxy ends TLS" -}}
{{- end -}}
{{- if and .Values.tls.secretName .Values.behindProxy -}}
{{- fail "behindProxy: set it or tls.secretName, not both" -}}
{{- end -}}
{{- if and .Values.bundle.configMap .Values.bundle.existingClaim -}}
{{- fail "bundle: name a configMap or an existingClaim, not both" -}}
{{- end -}}
{{- if and .Values.bundle.configMap (not .Values.bundle.items) -}}
{{- fail "bundle.items: say which key of the ConfigMap is which file, such as { key: main.cedar, path: policies/main.cedar }" -}}
{{- end -}}
{{- $top := first (regexSplit "(?m)^\\s*\\[" .Values.settings 2) -}}
{{- $set := regexFind "(?m)^\\s*(listen|bundle|data|behind_proxy|tls|record)\\s*=" $top -}}
{{- with $set -}}
{{- fail (printf "settings: `%s`: the chart sets it; see values.yaml" (trim .)) -}}
{{- end -}}
{{- with regexFind "(?m)^\\s*\\[(tls|record)\\]" .Values.settings -}}
{{- fail (printf "settings: `%s`: the chart sets it; see `tls` and `record` in values.yaml" (trim .)) -}}
{{- end -}}
{{- end -}}

{{/* behest.toml. The folders in a ConfigMap's volume are symbolic links into `..data`, which a bundle may not have; `..data` itself
     is one directory that changes as a whole, as a bundle should. */}}
{{- define "behest.settings" -}}
listen = "0.0.0.0:8181"
behind_proxy = {{ .Values.behindProxy }}
{{- if .Values.bundle.configMap }}
bundle = "/etc/behest/bundle/..data"
{{- else if .Values.bundle.existingClaim }}
bundle = "/etc/behest/bundle"
{{- end }}
{{- if .Values.data.enabled }}
data = "/var/lib/behest/data"
{{- end }}
{{ .Values.settings | trim }}
{{- if .Values.tls.secretName }}

[tls]
certificate = "/etc/behest/tls/tls.crt"
key = "/etc/behest/tls/tls.key"
{{- with .Values.tls.clientAuthorities }}
client_authorities = "/etc/behest/tls/{{ . }}"
{{- end }}
{{- end }}
{{- if .Values.record.enabled }}

[record]
sink = "-"
{{- range $name, $value := omit .Values.record "enabled" }}
{{ $name }} = {{ if kindIs "string" $value }}{{ $value | quote }}{{ else }}{{ int64 $value }}{{ end }}
{{- end }}
{{- end }}
{{- end -}}
