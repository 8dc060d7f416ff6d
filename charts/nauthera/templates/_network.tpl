{{/* Anyone, but not the link-local addresses where clouds serve credentials. Pods are named too: some networks
     do not count them as addresses. */}}
{{- define "nauthera.network.anyone" -}}
- ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}
- ipBlock: {cidr: "::/0", except: ["fe80::/10"]}
- namespaceSelector: {}
{{- end -}}

{{/* (peers, ports): one egress rule. */}}
{{- define "nauthera.network.to" -}}
- to:
    {{- if index . 0 }}
    {{- toYaml (index . 0) | nindent 4 }}
    {{- else }}
    {{- include "nauthera.network.anyone" . | nindent 4 }}
    {{- end }}
  ports:
    {{- range index . 1 }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end -}}

{{/* (peers, ports): one ingress rule; no peers: anyone. */}}
{{- define "nauthera.network.from" -}}
- ports:
    {{- range index . 1 }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with index . 0 }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "nauthera.network.dns" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Values.networkPolicy.dnsNamespace | quote }}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end -}}

{{/* (root, component): the pods of a component, as a list of one peer. */}}
{{- define "nauthera.network.pods" -}}
- podSelector:
    matchLabels:
      {{- include "nauthera.selector" . | nindent 6 }}
{{- end -}}

{{/* (root, component, name, spec below podSelector) */}}
{{- define "nauthera.object.networkpolicy" -}}
{{- $root := index . 0 -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ index . 2 }}
  namespace: {{ $root.Release.Namespace | quote }}
  labels:
    {{- include "nauthera.labels" (list $root (index . 1)) | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "nauthera.selector" (list $root (index . 1)) | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end -}}
