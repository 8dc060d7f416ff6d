{{/* Every object, and the Secrets that the operator writes, are named after this. */}}
{{- define "nauthera.release" -}}
{{- .Values.fullnameOverride | default .Release.Name -}}
{{- end -}}

{{/* (root, suffix, most characters): `<release>-<suffix>`, or a cut release with its digest, so that two long names stay two. */}}
{{- define "nauthera.name" -}}
{{- $release := include "nauthera.release" (index . 0) -}}
{{- $suffix := index . 1 -}}
{{- $max := index . 2 -}}
{{- if le (add (len $release) (len $suffix) 1) (int $max) -}}
{{- printf "%s-%s" $release $suffix -}}
{{- else -}}
{{- $room := int (sub (sub $max (len $suffix)) 10) -}}
{{- printf "%s-%s-%s" ($release | trunc $room | trimSuffix "-") (sha256sum $release | trunc 8) $suffix -}}
{{- end -}}
{{- end -}}

{{- define "nauthera.server.name" -}}{{ include "nauthera.name" (list . "server" 63) }}{{- end -}}
{{- define "nauthera.operator.name" -}}{{ include "nauthera.name" (list . "operator" 63) }}{{- end -}}
{{/* A StatefulSet's name stands, with a dash and ten characters, in a label of 63. */}}
{{- define "nauthera.valkey.name" -}}{{ include "nauthera.name" (list . "valkey" 52) }}{{- end -}}
{{- define "nauthera.valkey.headless" -}}{{ include "nauthera.name" (list . "valkey-headless" 63) }}{{- end -}}
{{/* Jobs of a CronJob have eleven characters more. */}}
{{- define "nauthera.backup.name" -}}{{ include "nauthera.name" (list . "backup" 52) }}{{- end -}}
{{- define "nauthera.keys.name" -}}{{ include "nauthera.name" (list . "keys" 43) }}{{- end -}}

{{/* Cluster-scoped objects: two releases share the cluster. */}}
{{- define "nauthera.clusterName" -}}
{{- printf "%s.%s.%s" (index . 0).Release.Namespace (include "nauthera.release" (index . 0)) (index . 1) -}}
{{- end -}}

{{/* (root, part) */}}
{{- define "nauthera.serviceAccount" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}
{{- $account := (index $root.Values $part).serviceAccount -}}
{{- if $account.name -}}{{ $account.name }}
{{- else if $account.create -}}{{ include (printf "nauthera.%s.name" $part) $root }}
{{- else -}}default{{- end -}}
{{- end -}}

{{- define "nauthera.keysSecret" -}}
{{- .Values.keys.existingSecret | default (printf "%s-keys" (include "nauthera.release" .)) -}}
{{- end -}}

{{/* The issuer's host without port, and its path ("" or "/auth"). */}}
{{- define "nauthera.issuer.host" -}}{{ (urlParse .Values.issuer).host | splitList ":" | first }}{{- end -}}
{{- define "nauthera.issuer.path" -}}{{ (urlParse .Values.issuer).path }}{{- end -}}

{{- define "nauthera.servicePort" -}}
{{- if kindIs "invalid" .Values.service.port -}}{{ ternary 443 80 (ne .Values.server.tls.existingSecret "") }}
{{- else -}}{{ int .Values.service.port }}{{- end -}}
{{- end -}}

{{/* "true" or "". Null means: where the fences stand. */}}
{{/* Another cluster has the issuer: this release is an operator alone. */}}
{{- define "nauthera.spoke" -}}
{{- if eq .Values.operator.mode "spoke" -}}true{{- end -}}
{{- end -}}
{{- define "nauthera.admission" -}}
{{- $enabled := .Values.operator.admission.enabled -}}
{{- if kindIs "invalid" $enabled -}}{{- $enabled = ne .Values.operator.watch.mode "namespaces" -}}{{- end -}}
{{- if $enabled -}}true{{- end -}}
{{- end -}}
{{/* In the other modes the operator reads no OIDCPolicy, so none may be enforced; nor in a spoke, whose hub has them. */}}
{{- define "nauthera.policyAdmission" -}}
{{- if and (include "nauthera.admission" .) (eq .Values.operator.watch.mode "cluster") (not (include "nauthera.spoke" .)) -}}true{{- end -}}
{{- end -}}
{{- define "nauthera.nudge" -}}
{{- if include "nauthera.spoke" . -}}
{{- else if kindIs "invalid" .Values.operator.nudge -}}{{ include "nauthera.admission" . }}
{{- else if .Values.operator.nudge -}}true{{- end -}}
{{- end -}}

{{/* Whether CRDs of this name are rendered here: absent, ours, or adopted. Offline nothing is known, so they are.
     `lookup` stands behind crds.enabled, because a forbidden one would fail the render. */}}
{{- define "nauthera.crdOwner" -}}
{{- $root := index . 0 -}}
{{- $found := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" (index . 1) -}}
{{- if not $found -}}ours
{{- else -}}
{{- $notes := $found.metadata.annotations | default dict -}}
{{- $release := get $notes "meta.helm.sh/release-name" -}}
{{- $namespace := get $notes "meta.helm.sh/release-namespace" -}}
{{- if and (eq $release $root.Release.Name) (eq $namespace $root.Release.Namespace) -}}ours
{{- else if $root.Values.crds.adopt -}}ours
{{- else -}}{{ printf "%s/%s" ($namespace | default "?") ($release | default "?") }}{{- end -}}
{{- end -}}
{{- end -}}
