{{- define "nauthera.valkey.sentinel" -}}
{{- if and (eq .Values.cache.mode "valkey") (eq .Values.valkey.architecture "sentinel") -}}true{{- end -}}
{{- end -}}

{{- define "nauthera.valkey.replicas" -}}
{{- ternary (int .Values.valkey.replicas) 1 (eq .Values.valkey.architecture "sentinel") -}}
{{- end -}}

{{/* The host names of all pods, in the order of their ordinals. Short of the cluster's domain, which the resolver adds. */}}
{{- define "nauthera.valkey.peers" -}}
{{- $hosts := list -}}
{{- range $ordinal := until (include "nauthera.valkey.replicas" . | int) -}}
{{- $hosts = append $hosts (printf "%s-%d.%s.%s.svc" (include "nauthera.valkey.name" $) $ordinal (include "nauthera.valkey.headless" $) $.Release.Namespace) -}}
{{- end -}}
{{- $hosts | toJson -}}
{{- end -}}

{{/* How the server reaches the cache; empty: it keeps one in memory. */}}
{{- define "nauthera.settings.cache" -}}
{{- if eq .Values.cache.mode "external" -}}
urlFile: /var/run/nauthera/cache/url
{{- else if include "nauthera.valkey.sentinel" . -}}
sentinels:
  {{- range include "nauthera.valkey.peers" . | fromJsonArray }}
  - {{ . }}:26379
  {{- end }}
sentinelName: nauthera
passwordFile: /var/run/nauthera/cache/password
{{- if .Values.valkey.tls.existingSecret }}
caFile: /var/run/nauthera/cache/ca.crt
{{- end }}
{{- else if eq .Values.cache.mode "valkey" -}}
host: {{ include "nauthera.valkey.name" . }}.{{ .Release.Namespace }}.svc
port: 6379
passwordFile: /var/run/nauthera/cache/password
{{- if .Values.valkey.tls.existingSecret }}
caFile: /var/run/nauthera/cache/ca.crt
{{- end }}
{{- end -}}
{{- end -}}

{{- define "nauthera.volume.cache" -}}
{{- if eq .Values.cache.mode "external" -}}
{{ include "nauthera.secretSource" (list .Values.cache.external.urlSecret "url") }}
{{- else -}}
{{ include "nauthera.secretSource" (list .Values.valkey.auth "password") }}
{{- with .Values.valkey.tls.existingSecret }}
{{ include "nauthera.secretSource" (list (dict "name" . "key" "ca.crt") "ca.crt") }}
{{- end }}
{{- end -}}
{{- end -}}
