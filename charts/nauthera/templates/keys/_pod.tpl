{{- define "nauthera.pod.keys" -}}
serviceAccountName: {{ include "nauthera.keys.name" . }}
automountServiceAccountToken: {{ eq (include "nauthera.hardened" .) "" }}
restartPolicy: Never
{{ include "nauthera.pod.frame" (list . "keys" (merge (dict "topologySpreadConstraints" list "affinity" dict) (deepCopy .Values.operator))) }}
containers:
  - name: create-keys
    image: {{ include "nauthera.image" (list . .Values.operator.image "operator") }}
    imagePullPolicy: {{ include "nauthera.pullPolicy" (list . .Values.operator.image) }}
    command: [node, /app/src/create-keys.js]
    args: [--settings, /etc/nauthera/operator.yaml]
    env:
      - name: NAUTHERA_IDENTITY
        {{- include "nauthera.podName" . | nindent 8 }}
      {{- if include "nauthera.networkPolicies" . }}
      - {name: NAUTHERA_NETWORK_POLICY, value: {{ include "nauthera.keys.name" . | quote }}}
      {{- end }}
    terminationMessagePolicy: FallbackToLogsOnError
    resources:
      {{- include "nauthera.resources" (list . .Values.operator.resources) | nindent 6 }}
    securityContext:
      {{- include "nauthera.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/nauthera, readOnly: true}
      {{- with include "nauthera.token.mount" . }}
      {{- . | nindent 6 }}
      {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "nauthera.operator.name" . }}
  {{- with include "nauthera.token.volume" . }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- define "nauthera.keys.bootstrap" -}}
{{- if and .Values.keys.bootstrap (not (include "nauthera.spoke" .)) (eq .Values.keys.existingSecret "") (not (include "nauthera.keys.isThere" .)) -}}true{{- end -}}
{{- end -}}
{{/* An upgrade whose ring is there needs no Job, so a failed one leaves no pod of it behind. Offline nothing is known. */}}
{{- define "nauthera.keys.isThere" -}}
{{- if .Release.IsUpgrade }}{{ if lookup "v1" "Secret" .Release.Namespace (include "nauthera.keysSecret" .) }}true{{ end }}{{ end -}}
{{- end -}}
