{{- define "nauthera.link.ownCa" -}}
{{- if and (eq .Values.link.mode "certManager") (not .Values.certManager.issuerRef) -}}true{{- end -}}
{{- end -}}
{{/* (root, agent or operator): the leaf; its DNS name is checked, not the address of the pod. */}}
{{- define "nauthera.object.link" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}
{{- if eq $root.Values.link.mode "certManager" }}
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: {{ include "nauthera.release" $root }}-link-{{ $part }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- include "nauthera.labels" (list $root $part) | nindent 4 }}
spec:
  secretName: {{ include "nauthera.release" $root }}-link-{{ $part }}
  duration: {{ $root.Values.certManager.duration }}
  dnsNames:
    - {{ include "nauthera.release" $root }}-{{ $part }}.{{ $root.Release.Namespace }}
  usages: [digital signature, {{ ternary "server auth" "client auth" (eq $part "agent") }}]
  privateKey:
    algorithm: ECDSA
    size: 256
    rotationPolicy: Always
  issuerRef:
    {{- if $root.Values.certManager.issuerRef }}
    {{- toYaml $root.Values.certManager.issuerRef | nindent 4 }}
    {{- else }}
    kind: Issuer
    name: {{ include "nauthera.release" $root }}-link-ca
    {{- end }}
{{- end }}
{{- end -}}
