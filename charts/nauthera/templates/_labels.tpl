{{/* (root, component). Selectors are frozen: a change would need every Deployment deleted. */}}
{{- define "nauthera.selector" -}}
app.kubernetes.io/name: nauthera
app.kubernetes.io/instance: {{ include "nauthera.release" (index . 0) | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "nauthera.labels" -}}
{{- $root := index . 0 -}}
{{ include "nauthera.selector" . }}
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | replace "+" "_" | trunc 63 | quote }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | quote }}
{{- range $key, $value := $root.Values.global.commonLabels }}
{{ $key | quote }}: {{ $value | toJson }}
{{- end }}
{{- end -}}

{{/* (root, component, extra labels): of a pod. Without version and chart, which would roll pods for nothing. */}}
{{- define "nauthera.podLabels" -}}
{{ include "nauthera.selector" . }}
{{- range $key, $value := merge (dict) (index . 2) (index . 0).Values.global.commonLabels }}
{{ $key | quote }}: {{ $value | toJson }}
{{- end }}
{{- end -}}
