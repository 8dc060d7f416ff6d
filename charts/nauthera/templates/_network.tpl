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

{{/* NodeLocal DNSCache and the like have addresses; of pods the network sees the port behind the Service. */}}
{{- define "nauthera.network.dns" -}}
{{- $policy := .Values.networkPolicy -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ $policy.dnsNamespace | quote }}
    {{- with $policy.egress.dns }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    {{- range $policy.ports.dns }}
    - {protocol: UDP, port: {{ . }}}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end -}}

{{/* (root, key, ports): one egress rule to networkPolicy.egress[key], on networkPolicy.ports[key] or else these. */}}
{{- define "nauthera.network.toNeighbour" -}}
{{- $policy := (index . 0).Values.networkPolicy -}}
{{- include "nauthera.network.to" (list (index $policy.egress (index . 1)) (index $policy.ports (index . 1) | default (index . 2))) -}}
{{- end -}}

{{/* (root, component): networkPolicy.extraEgress of that pod. */}}
{{- define "nauthera.network.extraEgress" -}}
{{- with index (index . 0).Values.networkPolicy.extraEgress (index . 1) }}
{{- toYaml . }}
{{- end }}
{{- end -}}

{{/* An address or a range: "true" when it has at most 16 addresses; server/src/address-ranges.ts says the same. */}}
{{- define "nauthera.network.isNarrow" -}}
{{- if not (contains "/" .) -}}true
{{- else if regexMatch (ternary "/12[4-8]$" "/(2[89]|3[0-2])$" (contains ":" .)) . -}}true
{{- end -}}
{{- end -}}

{{/* A peer: "true" when no stranger can be it. Every tenant can label a pod, so a namespace has to be named. */}}
{{- define "nauthera.network.isOwn" -}}
{{- if .ipBlock }}{{- include "nauthera.network.isNarrow" (toString .ipBlock.cidr) -}}
{{- else if .namespaceSelector -}}true
{{- else if and (hasKey . "podSelector") (not (hasKey . "namespaceSelector")) -}}true
{{- end -}}
{{- end -}}

{{/* "true" when NetworkPolicies let nobody connect to the servers but peers that the values name. */}}
{{- define "nauthera.onlyProxiesConnect" -}}
{{- $policy := .Values.networkPolicy -}}
{{- $strangers := list -}}
{{- range concat (list (dict "from" $policy.ingressFrom)) $policy.extraIngress -}}
{{- if not .from }}{{- $strangers = append $strangers "anyone" -}}{{- end -}}
{{- range .from -}}
{{- if not (include "nauthera.network.isOwn" .) }}{{- $strangers = append $strangers . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (include "nauthera.networkPolicies" .) (not $strangers) -}}true{{- end -}}
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
