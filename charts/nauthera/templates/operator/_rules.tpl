{{/* What the operator may do where OIDCClients live. It reads a Secret by its name; it can never list them. */}}
{{- define "nauthera.rules.clients" -}}
- apiGroups: [auth.nauthera.io]
  resources: [oidcclients]
  verbs: [get, list, watch]
- apiGroups: [auth.nauthera.io]
  resources: [oidcclients/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch, delete]
{{- end -}}

{{/* The Secrets of the release that are the operator's own: shards, manifest, keys of platforms, key of proofs, link; in a spoke the key of
     proofs and the way into the hub. */}}
{{- define "nauthera.ownSecrets" -}}
{{- $release := include "nauthera.release" . -}}
{{- if include "nauthera.spoke" . -}}
{{- list (printf "%s-clients-proof" $release) .Values.operator.spoke.kubeconfigSecret | toJson -}}
{{- else -}}
{{- $names := list -}}
{{- range $shard := until 16 }}{{- $names = append $names (printf "%s-clients-%02d" $release $shard) -}}{{- end -}}
{{- concat $names (list (printf "%s-clients-manifest" $release) (printf "%s-clients-issuers" $release) (printf "%s-clients-proof" $release) (printf "%s-link" $release)) | toJson -}}
{{- end -}}
{{- end -}}

{{/* The Secrets that the release reads and that are not the operator's: whoever could write them would own the issuer. */}}
{{- define "nauthera.reservedSecrets" -}}
{{- $v := .Values -}}
{{- $names := list (include "nauthera.keysSecret" .) -}}
{{- range list $v.database.existingSecret.name $v.database.credentials.name $v.database.caSecret.name $v.database.direct.existingSecret.name $v.migrations.existingSecret.name $v.server.tls.existingSecret $v.signing.existingJwksSecret.name $v.server.mutualTLS.listener.existingSecret (eq $v.server.mutualTLS.clientCA.kind "Secret" | ternary $v.server.mutualTLS.clientCA.name "") $v.valkey.auth.name $v.cache.external.urlSecret.name $v.smtp.credentials.name $v.smtp.caSecret.name $v.ldap.bindSecret.name $v.ldap.caSecret.name -}}
{{- if . }}{{- $names = append $names . -}}{{- end -}}
{{- end -}}
{{- range $v.federation.providers }}{{- $names = append $names .secret.name -}}{{- end -}}
{{- range $v.backup.secrets }}{{- $names = append $names . -}}{{- end -}}
{{- $names | uniq | toJson -}}
{{- end -}}

{{/* What the operator may do beside the release, in every mode. */}}
{{- define "nauthera.rules.release" -}}
{{- if not (include "nauthera.spoke" .) -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch{{ if eq (include "nauthera.nudge" .) "true" }}, patch{{ end }}]
{{ end -}}
# A name cannot be held against `create`: it is not known yet when the right is checked.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ include "nauthera.ownSecrets" . }}
  verbs: [get, patch]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "nauthera.lease" . }}]
  verbs: [get, update]
{{- end -}}
{{- define "nauthera.lease" -}}{{ include "nauthera.release" . }}-operator{{- end -}}

{{- define "nauthera.operator.subject" -}}
- kind: ServiceAccount
  name: {{ include "nauthera.serviceAccount" (list . "operator") | toJson }}
  namespace: {{ .Release.Namespace | quote }}
{{- end -}}

{{/* The namespaces of the client Role: none in mode `cluster`, which has a ClusterRole. */}}
{{- define "nauthera.clientNamespaces" -}}
{{- if eq .Values.operator.watch.mode "namespaces" -}}{{ .Values.operator.watch.namespaces | toJson }}
{{- else if eq .Values.operator.watch.mode "release" -}}{{ list .Release.Namespace | toJson }}
{{- else -}}[]{{- end -}}
{{- end -}}

{{- define "nauthera.operator.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "nauthera.serviceAccount" (list . "operator") }}
{{- end -}}
