{{/* The pod of a backup: the ring and the key of proofs are mounted to be sealed. No API token. */}}
{{- define "nauthera.pod.backup" -}}
{{- $server := .Values.server -}}
{{- $proof := printf "%s-clients-proof" (include "nauthera.release" .) -}}
automountServiceAccountToken: false
restartPolicy: Never
{{- $frame := pick $server "podSecurity" "nodeSelector" "tolerations" }}
{{ include "nauthera.pod.frame" (list . "backup" (merge (dict "topologySpreadConstraints" list) $frame)) }}
containers:
  - name: backup
    image: {{ include "nauthera.image" (list . $server.image "server") }}
    imagePullPolicy: {{ include "nauthera.pullPolicy" (list . $server.image) }}
    command: [nauthera, backup, --settings, /etc/nauthera/backup.yaml]
    args: [--to, /backup, --recipient, /etc/nauthera/recipient.pem, --secrets, /var/run/nauthera/secrets, --keep, {{ int .Values.backup.keep | quote }}, --output, json]
    terminationMessagePolicy: FallbackToLogsOnError
    resources:
      {{- include "nauthera.resources" (list . .Values.backup.resources) | nindent 6 }}
    securityContext:
      {{- include "nauthera.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - {name: config, mountPath: /etc/nauthera, readOnly: true}
      - {name: keys, mountPath: /var/run/nauthera/keys, readOnly: true}
      {{- if include "nauthera.volume.database" . }}
      - {name: database, mountPath: /var/run/nauthera/database, readOnly: true}
      {{- end }}
      - {name: proof, mountPath: {{ printf "/var/run/nauthera/secrets/%s" $proof }}, readOnly: true}
      {{- range $index, $name := .Values.backup.secrets }}
      - {name: secret-{{ $index }}, mountPath: {{ printf "/var/run/nauthera/secrets/%s" $name }}, readOnly: true}
      {{- end }}
      - {name: backup, mountPath: /backup}
volumes:
  - name: config
    configMap:
      name: {{ include "nauthera.backup.name" . }}
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
  # optional: until the operator has written it there is nothing to keep
  - name: proof
    secret:
      defaultMode: 0440
      optional: true
      secretName: {{ $proof }}
  {{- range $index, $name := .Values.backup.secrets }}
  - name: secret-{{ $index }}
    secret:
      defaultMode: 0440
      secretName: {{ $name | toJson }}
  {{- end }}
  - name: backup
    persistentVolumeClaim:
      claimName: {{ .Values.backup.existingClaim | toJson }}
{{- end -}}
