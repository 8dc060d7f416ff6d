{{/* What every pod has. (root, part, values of the part) */}}
{{- define "nauthera.pod.frame" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}{{- $values := index . 2 -}}
enableServiceLinks: false
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | toJson }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- if eq $values.podSecurity "restricted" }}
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- with $values.priorityClassName }}
priorityClassName: {{ . | toJson }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if kindIs "invalid" $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" (and (include "nauthera.hardened" $root | eq "true") (eq . "kubernetes.io/hostname")) }}
    labelSelector:
      matchLabels:
        {{- include "nauthera.selector" (list $root $part) | nindent 8 }}
  {{- end }}
{{- else if $values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "nauthera.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* (overrides, name, defaults): a probe; the overrides count field by field. */}}
{{- define "nauthera.probe" -}}
{{- toYaml (mergeOverwrite (deepCopy (index . 2)) (deepCopy (get (index . 0) (index . 1) | default dict))) -}}
{{- end -}}

{{- define "nauthera.podName" -}}
valueFrom:
  fieldRef:
    fieldPath: metadata.name
{{- end -}}

{{/* One source of a projected volume, from a reference {name, key}. (reference, path) */}}
{{- define "nauthera.secretSource" -}}
- secret:
    name: {{ (index . 0).name | toJson }}
    items:
      - key: {{ (index . 0).key | toJson }}
        path: {{ index . 1 }}
{{- end -}}
