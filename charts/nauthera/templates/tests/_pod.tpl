{{/* (root, name, weight): metadata of an object of `helm test`. The only hooks of the chart. */}}
{{- define "nauthera.test.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "nauthera.name" (list $root (printf "test-%s" (index . 1)) 63) }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- include "nauthera.labels" (list $root "test") | nindent 2 }}
annotations:
  helm.sh/hook: test
  helm.sh/hook-weight: {{ index . 2 | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}

{{/* (root, script, environment): a pod that runs files/tests/<script>.mjs, behind ask.mjs, in the server's image. */}}
{{- define "nauthera.pod.test" -}}
{{- $root := index . 0 -}}{{- $script := index . 1 -}}
restartPolicy: Never
automountServiceAccountToken: false
{{ include "nauthera.pod.frame" (list $root "test" (dict "podSecurity" $root.Values.server.podSecurity "topologySpreadConstraints" list "nodeSelector" $root.Values.server.nodeSelector "tolerations" $root.Values.server.tolerations)) }}
containers:
  - name: test
    image: {{ include "nauthera.image" (list $root $root.Values.server.image "server") }}
    imagePullPolicy: {{ include "nauthera.pullPolicy" (list $root $root.Values.server.image) }}
    command: [node, --input-type=module, --eval]
    args:
      - |
        {{- $root.Files.Get "files/tests/ask.mjs" | nindent 8 }}
        {{- $root.Files.Get (printf "files/tests/%s.mjs" $script) | nindent 8 }}
    env:
      - {name: ISSUER, value: {{ $root.Values.issuer | toJson }}}
      - {name: SERVICE, value: {{ printf "%s://%s.%s.svc:%s" (ternary "https" "http" (ne $root.Values.server.tls.existingSecret "")) (include "nauthera.server.name" $root) $root.Release.Namespace (include "nauthera.servicePort" $root) | quote }}}
      {{- range $name, $value := index . 2 }}
      - {name: {{ $name }}, value: {{ $value | toJson }}}
      {{- end }}
    resources:
      requests: {cpu: 10m, memory: 64Mi}
      limits: {memory: 128Mi}
    securityContext:
      {{- include "nauthera.containerSecurity" $root | nindent 6 }}
{{- end -}}
