{{- define "nauthera.valkey.env" -}}
- name: POD
  {{- include "nauthera.podName" . | nindent 2 }}
- name: SELF
  value: $(POD).{{ include "nauthera.valkey.headless" . }}.{{ .Release.Namespace }}.svc
- name: PEERS
  value: {{ include "nauthera.valkey.peers" . | fromJsonArray | join " " }}
- name: SENTINEL
  value: {{ ternary "yes" "no" (eq (include "nauthera.valkey.sentinel" .) "true") | quote }}
- name: MAX_MEMORY
  value: {{ .Values.valkey.maxMemory | toJson }}
- name: DOWN_AFTER
  value: {{ int .Values.valkey.downAfterMilliseconds | quote }}
{{- end -}}

{{- define "nauthera.valkey.mounts" -}}
- {name: scripts, mountPath: /scripts, readOnly: true}
- {name: data, mountPath: /data}
- {name: auth, mountPath: /var/run/nauthera/auth, readOnly: true}
{{- if .Values.valkey.tls.existingSecret }}
- {name: tls, mountPath: /var/run/nauthera/tls, readOnly: true}
{{- end }}
{{- end -}}

{{- define "nauthera.pod.valkey" -}}
{{- $valkey := .Values.valkey -}}
serviceAccountName: {{ include "nauthera.serviceAccount" (list . "valkey") | toJson }}
automountServiceAccountToken: false
{{ include "nauthera.pod.frame" (list . "valkey" $valkey) }}
terminationGracePeriodSeconds: {{ int $valkey.terminationGracePeriodSeconds }}
containers:
  - name: valkey
    image: {{ include "nauthera.image" (list . $valkey.image "") }}
    imagePullPolicy: {{ include "nauthera.pullPolicy" (list . $valkey.image) }}
    command: [sh, /scripts/node.sh]
    env:
      {{- include "nauthera.valkey.env" . | nindent 6 }}
      {{- with $valkey.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    ports:
      - {name: valkey, containerPort: 6379}
    {{- if include "nauthera.valkey.sentinel" . }}
    lifecycle:
      preStop:
        exec: {command: [sh, /scripts/pre-stop.sh, node]}
    {{- end }}
    resources:
      {{- include "nauthera.resources" (list . $valkey.resources) | nindent 6 }}
    startupProbe:
      exec: {command: [sh, /scripts/probe.sh, live]}
      periodSeconds: 2
      timeoutSeconds: 10
      failureThreshold: 60
    livenessProbe:
      exec: {command: [sh, /scripts/probe.sh, live]}
      periodSeconds: 10
      timeoutSeconds: 10
      failureThreshold: 3
    readinessProbe:
      exec: {command: [sh, /scripts/probe.sh, ready]}
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 2
    securityContext:
      {{- include "nauthera.containerSecurity" . | nindent 6 }}
    volumeMounts:
      {{- include "nauthera.valkey.mounts" . | nindent 6 }}
      {{- with $valkey.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- if include "nauthera.valkey.sentinel" . }}
  - name: sentinel
    image: {{ include "nauthera.image" (list . $valkey.image "") }}
    imagePullPolicy: {{ include "nauthera.pullPolicy" (list . $valkey.image) }}
    command: [sh, /scripts/sentinel.sh]
    env:
      {{- include "nauthera.valkey.env" . | nindent 6 }}
    ports:
      - {name: sentinel, containerPort: 26379}
    lifecycle:
      preStop:
        exec: {command: [sh, /scripts/pre-stop.sh, sentinel]}
    resources:
      {{- include "nauthera.resources" (list . (dict "requests" (dict "cpu" "10m" "memory" "32Mi") "limits" (dict "memory" "64Mi"))) | nindent 6 }}
    livenessProbe:
      exec: {command: [sh, /scripts/probe.sh, sentinel]}
      initialDelaySeconds: 30
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      exec: {command: [sh, /scripts/probe.sh, sentinel]}
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 2
    securityContext:
      {{- include "nauthera.containerSecurity" . | nindent 6 }}
    volumeMounts:
      {{- include "nauthera.valkey.mounts" . | nindent 6 }}
  {{- end }}
  {{- with $valkey.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
  - name: scripts
    configMap:
      name: {{ include "nauthera.valkey.name" . }}
  # On the node's disk, so that what Sentinel has learnt outlives a container, and a reboot of the node.
  - name: data
    emptyDir: {sizeLimit: 1Gi}
  - name: auth
    projected:
      defaultMode: 0440
      sources:
        {{- include "nauthera.secretSource" (list $valkey.auth "password") | nindent 8 }}
  {{- with $valkey.tls.existingSecret }}
  - name: tls
    secret:
      defaultMode: 0440
      secretName: {{ . | toJson }}
  {{- end }}
  {{- with $valkey.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}
