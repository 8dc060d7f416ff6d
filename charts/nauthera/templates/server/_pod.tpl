{{/* The pod of the server: migrate (runs, ends), config-agent (native sidecar), server. No API token. */}}
{{- define "nauthera.pod.server" -}}
{{- $server := .Values.server -}}
{{- $agent := .Values.agent -}}
{{- $tls := ne $server.tls.existingSecret "" -}}
serviceAccountName: {{ include "nauthera.serviceAccount" (list . "server") | toJson }}
automountServiceAccountToken: false
{{ include "nauthera.pod.frame" (list . "server" $server) }}
terminationGracePeriodSeconds: {{ int $server.terminationGracePeriodSeconds }}
initContainers:
  {{- if eq .Values.migrations.mode "init" }}
  - name: migrate
    image: {{ include "nauthera.image" (list . $server.image "server") }}
    imagePullPolicy: {{ include "nauthera.pullPolicy" (list . $server.image) }}
    command: [nauthera, migrate, up, --settings, /etc/nauthera/migrate.yaml]
    resources:
      {{- include "nauthera.resources" (list . $server.resources) | nindent 6 }}
    securityContext:
      {{- include "nauthera.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/nauthera, readOnly: true}
      {{- if .Values.migrations.existingSecret.name }}
      - {name: migrations, mountPath: /var/run/nauthera/migrations, readOnly: true}
      {{- end }}
      {{- if include "nauthera.volume.database" . }}
      - {name: database, mountPath: /var/run/nauthera/database, readOnly: true}
      {{- end }}
  {{- end }}
  - name: config-agent
    image: {{ include "nauthera.image" (list . $agent.image "config-agent") }}
    imagePullPolicy: {{ include "nauthera.pullPolicy" (list . $agent.image) }}
    restartPolicy: Always
    args: [--settings, /etc/nauthera/agent.yaml]
    env:
      - name: NAUTHERA_REPLICA
        {{- include "nauthera.podName" . | nindent 8 }}
    ports:
      - {name: status, containerPort: {{ int $agent.ports.status }}}
      - {name: agent-metrics, containerPort: {{ int $agent.ports.management }}}
    resources:
      {{- include "nauthera.resources" (list . $agent.resources) | nindent 6 }}
    # Ready to start the server once the certificates of their socket are written. No readiness probe: a fault of the
    # agent must not take the server out.
    startupProbe:
      httpGet: {path: /readyz, port: agent-metrics}
      periodSeconds: 1
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /livez, port: agent-metrics}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 3
    securityContext:
      {{- include "nauthera.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/nauthera, readOnly: true}
      - {name: run, mountPath: /run/nauthera}
      - {name: clients, mountPath: /var/run/nauthera/clients, readOnly: true}
      - {name: link, mountPath: /var/run/nauthera/link, readOnly: true}
containers:
  - name: server
    image: {{ include "nauthera.image" (list . $server.image "server") }}
    imagePullPolicy: {{ include "nauthera.pullPolicy" (list . $server.image) }}
    args: [--settings, /etc/nauthera/server.yaml]
    env:
      - name: NAUTHERA_REPLICA
        {{- include "nauthera.podName" . | nindent 8 }}
      {{- with $server.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    ports:
      - {name: http, containerPort: {{ int $server.ports.http }}}
      {{- if $server.mutualTLS.listener.enabled }}
      - {name: mutual-tls, containerPort: {{ int $server.ports.mutualTLS }}}
      {{- end }}
      - {name: metrics, containerPort: {{ int $server.ports.management }}}
    lifecycle:
      preStop:
        sleep: {seconds: {{ int $server.preStopSleepSeconds }}}
    resources:
      {{- include "nauthera.resources" (list . $server.resources) | nindent 6 }}
    startupProbe:
      {{- include "nauthera.probe" (list $server.probes "startup" (dict "httpGet" (dict "path" "/livez" "port" "metrics") "periodSeconds" 2 "timeoutSeconds" 5 "failureThreshold" 60)) | nindent 6 }}
    livenessProbe:
      {{- include "nauthera.probe" (list $server.probes "liveness" (dict "httpGet" (dict "path" "/livez" "port" "metrics") "periodSeconds" 10 "timeoutSeconds" 5 "failureThreshold" 3)) | nindent 6 }}
    readinessProbe:
      {{- include "nauthera.probe" (list $server.probes "readiness" (dict "httpGet" (dict "path" "/readyz" "port" "metrics") "periodSeconds" 5 "timeoutSeconds" 5 "failureThreshold" 2)) | nindent 6 }}
    securityContext:
      {{- include "nauthera.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/nauthera, readOnly: true}
      - {name: run, mountPath: /run/nauthera}
      - {name: keys, mountPath: /var/run/nauthera/keys, readOnly: true}
      - {name: database, mountPath: /var/run/nauthera/database, readOnly: true}
      {{- if .Values.signing.existingJwksSecret.name }}
      - {name: signing, mountPath: /var/run/nauthera/signing, readOnly: true}
      {{- end }}
      {{- if $tls }}
      {{- /* Not .../tls: most images have /var/run as a link to /run, and /run/nauthera/tls is the config socket's. */}}
      - {name: tls, mountPath: /var/run/nauthera/https, readOnly: true}
      {{- end }}
      {{- if include "nauthera.volume.mutualTLS" . | trim }}
      - {name: mutual-tls, mountPath: /var/run/nauthera/mutual-tls, readOnly: true}
      {{- end }}
      {{- if ne .Values.cache.mode "none" }}
      - {name: cache, mountPath: /var/run/nauthera/cache, readOnly: true}
      {{- end }}
      {{- if include "nauthera.volume.smtp" . | trim }}
      - {name: smtp, mountPath: /var/run/nauthera/smtp, readOnly: true}
      {{- end }}
      {{- if .Values.federation.providers }}
      - {name: federation, mountPath: /var/run/nauthera/federation, readOnly: true}
      {{- end }}
      {{- if include "nauthera.volume.ldap" . | trim }}
      - {name: ldap, mountPath: /var/run/nauthera/ldap, readOnly: true}
      {{- end }}
      {{- if .Values.branding.existingConfigMap.name }}
      - {name: branding, mountPath: /var/run/nauthera/branding, readOnly: true}
      {{- end }}
      {{- if .Values.branding.texts.existingConfigMap }}
      - {name: texts, mountPath: /var/run/nauthera/texts, readOnly: true}
      {{- end }}
      {{- with $server.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- with $server.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "nauthera.server.name" . }}
  - name: run
    emptyDir: {medium: Memory, sizeLimit: 64Mi}
  # The client shards, one volume: the kubelet swaps all of them at once. Optional: a pod starts before the operator has written any.
  - name: clients
    projected:
      defaultMode: 0440
      sources:
        {{- $release := include "nauthera.release" . }}
        {{- range $shard := until 16 }}
        - secret:
            name: {{ printf "%s-clients-%02d" $release $shard }}
            optional: true
            items:
              - {key: {{ printf "%02d.json.gz" $shard }}, path: {{ printf "%02d.json.gz" $shard }}}
              - {key: {{ printf "%02d.json.gz.sig" $shard }}, path: {{ printf "%02d.json.gz.sig" $shard }}}
        {{- end }}
        - secret:
            name: {{ $release }}-clients-manifest
            optional: true
            items:
              - {key: manifest.json, path: manifest.json}
        # What signs the tokens of this cluster's ServiceAccounts.
        - secret:
            name: {{ $release }}-clients-issuers
            optional: true
            items:
              - {key: issuers.json, path: issuers.json}
              - {key: issuers.json.sig, path: issuers.json.sig}
  # Never ca.key nor the operator's own: a server pod holds what it needs to be asked, not to ask.
  - name: link
    secret:
      defaultMode: 0440
      optional: true
      {{- include "nauthera.link.items" (list . "agent") | nindent 6 }}
  - name: keys
    secret:
      defaultMode: 0440
      secretName: {{ include "nauthera.keysSecret" . | toJson }}
  {{- with include "nauthera.volume.database" . }}
  - name: database
    projected:
      defaultMode: 0440
      sources:
        {{- . | nindent 8 }}
  {{- end }}
  {{- if and .Values.migrations.existingSecret.name (eq .Values.migrations.mode "init") }}
  - name: migrations
    projected:
      defaultMode: 0440
      sources:
        {{- include "nauthera.secretSource" (list .Values.migrations.existingSecret "dsn") | nindent 8 }}
  {{- end }}
  {{- if .Values.signing.existingJwksSecret.name }}
  - name: signing
    projected:
      defaultMode: 0440
      sources:
        {{- include "nauthera.secretSource" (list .Values.signing.existingJwksSecret "jwks.json") | nindent 8 }}
  {{- end }}
  {{- if $tls }}
  - name: tls
    secret:
      defaultMode: 0440
      secretName: {{ $server.tls.existingSecret | toJson }}
  {{- end }}
  {{- with include "nauthera.volume.mutualTLS" . | trim }}
  - name: mutual-tls
    projected:
      defaultMode: 0440
      sources:
        {{- . | nindent 8 }}
  {{- end }}
  {{- if ne .Values.cache.mode "none" }}
  - name: cache
    projected:
      defaultMode: 0440
      sources:
        {{- include "nauthera.volume.cache" . | nindent 8 }}
  {{- end }}
  {{- with include "nauthera.volume.ldap" . | trim }}
  - name: ldap
    projected:
      defaultMode: 0440
      sources:
        {{- . | nindent 8 }}
  {{- end }}
  {{- with include "nauthera.volume.smtp" . | trim }}
  - name: smtp
    projected:
      defaultMode: 0440
      sources:
        {{- . | nindent 8 }}
  {{- end }}
  {{- with .Values.federation.providers }}
  - name: federation
    projected:
      defaultMode: 0440
      sources:
        {{- range . }}
        - secret:
            name: {{ .secret.name | toJson }}
            items:
              - {key: {{ .secret.idKey | default "client-id" | toJson }}, path: {{ printf "%s/id" .id | toJson }}}
              - {key: {{ .secret.secretKey | default "client-secret" | toJson }}, path: {{ printf "%s/secret" .id | toJson }}}
        {{- if .logo }}
        - configMap:
            name: {{ .logo.name | toJson }}
            items:
              - {key: {{ .logo.key | default "logo.svg" | toJson }}, path: {{ printf "%s/logo" .id | toJson }}}
        {{- end }}
        {{- end }}
  {{- end }}
  {{- with .Values.branding.existingConfigMap }}
  {{- if .name }}
  - name: branding
    configMap:
      name: {{ .name | toJson }}
      items:
        {{- with .key }}
        - {key: {{ . | toJson }}, path: logo}
        {{- end }}
        {{- with .cssKey }}
        - {key: {{ . | toJson }}, path: style.css}
        {{- end }}
        {{- with .layoutKey }}
        - {key: {{ . | toJson }}, path: layout.eta}
        {{- end }}
  {{- end }}
  {{- end }}
  {{- with .Values.branding.texts.existingConfigMap }}
  - name: texts
    configMap: {name: {{ . | toJson }}}
  {{- end }}
  {{- with $server.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "nauthera.volume.database" -}}
{{- if .Values.database.existingSecret.name -}}
{{ include "nauthera.secretSource" (list .Values.database.existingSecret "dsn") }}
{{- else if .Values.database.credentials.name -}}
- secret:
    name: {{ .Values.database.credentials.name | toJson }}
    items:
      - {key: {{ .Values.database.credentials.userKey | toJson }}, path: username}
      - {key: {{ .Values.database.credentials.passwordKey | toJson }}, path: password}
{{- end -}}
{{- if .Values.database.direct.existingSecret.name }}
{{ include "nauthera.secretSource" (list .Values.database.direct.existingSecret "direct-dsn") }}
{{- end -}}
{{- if .Values.database.caSecret.name }}
{{ include "nauthera.secretSource" (list .Values.database.caSecret "ca.crt") }}
{{- end -}}
{{- end -}}

{{/* Empty without server.mutualTLS. */}}
{{- define "nauthera.volume.mutualTLS" -}}
{{- with .Values.server.mutualTLS }}
{{- if and .clientCA.name (or .header .listener.enabled) }}
- {{ ternary "secret" "configMap" (eq .clientCA.kind "Secret") }}:
    name: {{ .clientCA.name | toJson }}
    items:
      - {key: {{ .clientCA.key | toJson }}, path: ca.crt}
{{- end }}
{{- if and .listener.enabled .listener.existingSecret }}
- secret:
    name: {{ .listener.existingSecret | toJson }}
    items:
      - {key: tls.crt, path: tls.crt}
      - {key: tls.key, path: tls.key}
{{- end }}
{{- end }}
{{- end -}}

{{- define "nauthera.volume.smtp" -}}
{{- with .Values.smtp }}
{{- if .host }}
{{- if .credentials.name }}
- secret:
    name: {{ .credentials.name | toJson }}
    items:
      - {key: {{ .credentials.userKey | toJson }}, path: username}
      - {key: {{ .credentials.passwordKey | toJson }}, path: password}
{{- end }}
{{- if .caSecret.name }}
{{ include "nauthera.secretSource" (list .caSecret "ca.crt") }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* (root, agent or operator): which Secret, and under which names its entries are mounted. */}}
{{- define "nauthera.link.items" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}
{{- if eq $root.Values.link.mode "operator" -}}
secretName: {{ include "nauthera.release" $root }}-link
items:
  - {key: ca.crt, path: ca.crt}
  - {key: {{ $part }}.crt, path: {{ $part }}.crt}
  - {key: {{ $part }}.key, path: {{ $part }}.key}
{{- else -}}
{{- if eq $root.Values.link.mode "certManager" -}}
secretName: {{ include "nauthera.release" $root }}-link-{{ $part }}
{{- else -}}
secretName: {{ get $root.Values.link.existingSecret $part | toJson }}
{{- end }}
items:
  - {key: ca.crt, path: ca.crt}
  - {key: tls.crt, path: {{ $part }}.crt}
  - {key: tls.key, path: {{ $part }}.key}
{{- end -}}
{{- end -}}
