{{/* Objects that server, operator and valkey have alike. (root, part) */}}
{{- define "nauthera.object.serviceaccount" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}
{{- $account := (index $root.Values $part).serviceAccount -}}
{{- if $account.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "nauthera.serviceAccount" . | toJson }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- include "nauthera.labels" . | nindent 4 }}
  {{- with $account.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}
{{- end -}}

{{- define "nauthera.object.pdb" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}
{{- $pdb := (index $root.Values $part).pdb -}}
{{- if $pdb.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include (printf "nauthera.%s.name" $part) $root }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- include "nauthera.labels" . | nindent 4 }}
spec:
  {{- if not (kindIs "invalid" $pdb.minAvailable) }}
  minAvailable: {{ $pdb.minAvailable | toJson }}
  {{- else }}
  maxUnavailable: {{ $pdb.maxUnavailable | toJson }}
  {{- end }}
  # A pod that is not ready anyway must not hold up a drain.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "nauthera.selector" . | nindent 6 }}
{{- end }}
{{- end -}}
