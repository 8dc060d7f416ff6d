{{/* People of a directory: the settings of its source, its Secrets, the ports of its servers. */}}

{{/* The URLs, as a list. */}}
{{- define "nauthera.ldap.urls" -}}
{{- regexSplit "[ ,]+" (trim .Values.ldap.url) -1 | toYaml -}}
{{- end -}}

{{/* Our own people first: whoever has a record here keeps it. */}}
{{- define "nauthera.settings.sources" -}}
{{- $ldap := .Values.ldap -}}
{{- $own := dict "type" "ldap" "urls" (include "nauthera.ldap.urls" . | fromYamlArray) "startTLS" $ldap.startTLS "userBase" $ldap.userBase -}}
{{- if $ldap.bindSecret.name -}}
{{- $_ := set $own "usernameFile" "/var/run/nauthera/ldap/username" -}}
{{- $_ := set $own "passwordFile" "/var/run/nauthera/ldap/password" -}}
{{- end -}}
{{- if $ldap.caSecret.name -}}
{{- $_ := set $own "caFile" "/var/run/nauthera/ldap/ca.crt" -}}
{{- end -}}
{{- $groups := dict "from" "none" -}}
{{- if $ldap.groupBase -}}{{- $groups = dict "base" $ldap.groupBase -}}{{- end -}}
{{- $defaults := dict "id" "ldap" "groups" $groups -}}
{{- list (dict "id" "postgres" "type" "postgres") (mergeOverwrite $defaults (deepCopy $ldap.settings) $own) | toYaml -}}
{{- end -}}

{{/* Empty where everything about the directory is public. */}}
{{- define "nauthera.volume.ldap" -}}
{{- if .Values.ldap.enabled -}}
{{- with .Values.ldap.bindSecret -}}
{{- if .name -}}
- secret:
    name: {{ .name | toJson }}
    items:
      - {key: {{ .userKey | toJson }}, path: username}
      - {key: {{ .passwordKey | toJson }}, path: password}
{{- end -}}
{{- end -}}
{{- if .Values.ldap.caSecret.name }}
{{ include "nauthera.secretSource" (list .Values.ldap.caSecret "ca.crt") }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A URL without a port has that of its scheme. */}}
{{- define "nauthera.ldap.ports" -}}
{{- $ports := list -}}
{{- range include "nauthera.ldap.urls" . | fromYamlArray -}}
{{- $given := regexFind ":[0-9]+/?$" . | trimPrefix ":" | trimSuffix "/" -}}
{{- $ports = append $ports (int ($given | default (ternary "636" "389" (hasPrefix "ldaps://" .)))) -}}
{{- end -}}
{{- $ports | uniq | toYaml -}}
{{- end -}}
