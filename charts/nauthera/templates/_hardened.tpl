{{/* "true" or "": docs/hardening.md says what `profile: hardened` adds. */}}
{{- define "nauthera.hardened" -}}{{- if eq .Values.profile "hardened" -}}true{{- end -}}{{- end -}}

{{- define "nauthera.networkPolicies" -}}
{{- if or .Values.networkPolicy.enabled (include "nauthera.hardened" .) -}}true{{- end -}}
{{- end -}}

{{- define "nauthera.tests" -}}
{{- if and .Values.tests.enabled (not (include "nauthera.hardened" .)) (not (include "nauthera.spoke" .)) -}}true{{- end -}}
{{- end -}}

{{/* (root, resources of the values): what a value says wins. */}}
{{- define "nauthera.resources" -}}
{{- $own := dict -}}
{{- if include "nauthera.hardened" (index . 0) -}}
{{- $own = dict "requests" (dict "ephemeral-storage" "16Mi") "limits" (dict "cpu" "2" "ephemeral-storage" "1Gi") -}}
{{- end -}}
{{- $said := deepCopy (index . 1) -}}
{{- if eq (toString $said.limits.cpu) "" -}}{{- $_ := unset $said.limits "cpu" -}}{{- end -}}
{{- merge $said $own | toYaml -}}
{{- end -}}

{{/* The token of the account, which the kubelet would else mount into every container: here into one, and it is named. */}}
{{- define "nauthera.token.mount" -}}
{{- if include "nauthera.hardened" . -}}
- {name: api-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end -}}
{{- end -}}
{{- define "nauthera.token.volume" -}}
{{- if include "nauthera.hardened" . -}}
- name: api-token
  projected:
    sources:
      - serviceAccountToken: {expirationSeconds: 3607, path: token}
      - configMap:
          name: kube-root-ca.crt
          items:
            - {key: ca.crt, path: ca.crt}
      - downwardAPI:
          items:
            - {path: namespace, fieldRef: {fieldPath: metadata.namespace}}
{{- end -}}
{{- end -}}
