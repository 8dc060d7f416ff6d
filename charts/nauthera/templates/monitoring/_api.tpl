{{/* Whether objects of the Prometheus operator are rendered. */}}
{{- define "nauthera.monitoring" -}}
{{- if or (eq .Values.metrics.podMonitor.renderMode "alwaysRender") (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}true{{- end -}}
{{- end -}}

{{/* (root, component, port names) */}}
{{- define "nauthera.object.podmonitor" -}}
{{- $root := index . 0 -}}
{{- $monitor := $root.Values.metrics.podMonitor -}}
{{- if and $monitor.enabled (include "nauthera.monitoring" $root) }}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ include (printf "nauthera.%s.name" (index . 1)) $root }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- include "nauthera.labels" (list $root (index . 1)) | nindent 4 }}
    {{- with $monitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "nauthera.selector" (list $root (index . 1)) | nindent 6 }}
  podMetricsEndpoints:
    {{- range index . 2 }}
    - port: {{ . }}
      path: /metrics
      interval: {{ $monitor.interval }}
    {{- end }}
{{- end }}
{{- end -}}
