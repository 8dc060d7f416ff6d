{{- define "nauthera.pod.operator" -}}
{{- $operator := .Values.operator -}}
serviceAccountName: {{ include "nauthera.serviceAccount" (list . "operator") | toJson }}
automountServiceAccountToken: {{ eq (include "nauthera.hardened" .) "" }}
{{ include "nauthera.pod.frame" (list . "operator" $operator) }}
terminationGracePeriodSeconds: {{ int $operator.terminationGracePeriodSeconds }}
containers:
  - name: operator
    image: {{ include "nauthera.image" (list . $operator.image "operator") }}
    imagePullPolicy: {{ include "nauthera.pullPolicy" (list . $operator.image) }}
    args: [--settings, /etc/nauthera/operator.yaml]
    env:
      - name: NAUTHERA_IDENTITY
        {{- include "nauthera.podName" . | nindent 8 }}
      {{- if include "nauthera.networkPolicies" . }}
      - {name: NAUTHERA_NETWORK_POLICY, value: {{ include "nauthera.operator.name" . | quote }}}
      {{- end }}
      {{- with $operator.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    ports:
      - {name: metrics, containerPort: {{ int $operator.ports.management }}}
    resources:
      {{- include "nauthera.resources" (list . $operator.resources) | nindent 6 }}
    startupProbe:
      httpGet: {path: /livez, port: metrics}
      periodSeconds: 2
      timeoutSeconds: 5
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /livez, port: metrics}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      httpGet: {path: /readyz, port: metrics}
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 2
    securityContext:
      {{- include "nauthera.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/nauthera, readOnly: true}
      {{- if ne .Values.link.mode "operator" }}
      - {name: link, mountPath: /var/run/nauthera/link, readOnly: true}
      {{- end }}
      {{- with include "nauthera.token.mount" . }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with $operator.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- with $operator.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "nauthera.operator.name" . }}
  {{- if ne .Values.link.mode "operator" }}
  - name: link
    secret:
      defaultMode: 0440
      {{- include "nauthera.link.items" (list . "operator") | nindent 6 }}
  {{- end }}
  {{- with include "nauthera.token.volume" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $operator.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
