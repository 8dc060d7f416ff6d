{{/* The settings file of each process. What a value of the chart decides wins over `<part>.settings`. */}}

{{- define "nauthera.log" -}}
{{- $own := index . 1 -}}
{{- dict "level" ($own.level | default (index . 0).Values.log.level) "format" ($own.format | default (index . 0).Values.log.format) | toYaml -}}
{{- end -}}

{{/* (root, settings): the settings of a process that sends traces, where there is a collector. */}}
{{- define "nauthera.settings.traced" -}}
{{- $settings := index . 1 -}}
{{- with (index . 0).Values.tracing -}}
{{- if .endpoint }}{{- $_ := set $settings "tracing" (dict "endpoint" .endpoint "sampleRatio" .sampleRatio) -}}{{- end -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{/* The port of the collector; empty without one. */}}
{{- define "nauthera.tracing.port" -}}
{{- with .Values.tracing.endpoint -}}
{{- $url := urlParse . -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}
{{- end -}}

{{- define "nauthera.settings.database" -}}
{{- $database := dict "sslMode" .Values.database.sslMode "poolMax" (int .Values.database.poolMax) -}}
{{- if .Values.database.existingSecret.name -}}
{{- $_ := set $database "dsnFile" "/var/run/nauthera/database/dsn" -}}
{{- else -}}
{{- $_ := set $database "host" .Values.database.host -}}
{{- $_ := set $database "port" (int .Values.database.port) -}}
{{- $_ := set $database "name" .Values.database.name -}}
{{- $_ := set $database "usernameFile" "/var/run/nauthera/database/username" -}}
{{- $_ := set $database "passwordFile" "/var/run/nauthera/database/password" -}}
{{- end -}}
{{- if .Values.database.caSecret.name -}}
{{- $_ := set $database "caFile" "/var/run/nauthera/database/ca.crt" -}}
{{- end -}}
{{- if .Values.database.direct.existingSecret.name -}}
{{- $_ := set $database "direct" (dict "dsnFile" "/var/run/nauthera/database/direct-dsn") -}}
{{- else if .Values.database.direct.host -}}
{{- $_ := set $database "direct" (dict "host" .Values.database.direct.host "port" (int .Values.database.direct.port)) -}}
{{- end -}}
{{- toYaml $database -}}
{{- end -}}

{{- define "nauthera.database.ports" -}}
{{- $ports := list (int .Values.database.port) -}}
{{- with .Values.database.direct }}{{- if or .host .existingSecret.name }}{{- $ports = append $ports (int .port) -}}{{- end -}}{{- end -}}
{{- $ports | uniq | toYaml -}}
{{- end -}}

{{/* How the server sends mail; empty: it sends none. */}}
{{- define "nauthera.settings.mail" -}}
{{- with .Values.smtp }}
{{- if .host -}}
{{- $mail := dict "host" .host "port" (int .port) "from" .from "tls" .tls -}}
{{- if .credentials.name -}}
{{- $_ := set $mail "usernameFile" "/var/run/nauthera/smtp/username" -}}
{{- $_ := set $mail "passwordFile" "/var/run/nauthera/smtp/password" -}}
{{- end -}}
{{- if .caSecret.name -}}
{{- $_ := set $mail "caFile" "/var/run/nauthera/smtp/ca.crt" -}}
{{- end -}}
{{- toYaml $mail -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Certificates of clients; empty: nobody takes them. */}}
{{- define "nauthera.settings.mutualTLS" -}}
{{- with .Values.server.mutualTLS }}
{{- if or .header .listener.enabled -}}
{{- $mutualTLS := dict -}}
{{- with .header -}}
{{- $_ := set $mutualTLS "header" . -}}
{{- if include "nauthera.onlyProxiesConnect" $ }}{{- $_ := set $mutualTLS "onlyProxiesConnect" true -}}{{- end -}}
{{- end -}}
{{- with .url }}{{- $_ := set $mutualTLS "url" . -}}{{- end -}}
{{- if .clientCA.name -}}{{- $_ := set $mutualTLS "caFile" "/var/run/nauthera/mutual-tls/ca.crt" -}}{{- end -}}
{{- if .listener.enabled -}}
{{- $listen := dict "port" (int $.Values.server.ports.mutualTLS) -}}
{{- if .listener.existingSecret -}}
{{- $_ := set $listen "certFile" "/var/run/nauthera/mutual-tls/tls.crt" -}}
{{- $_ := set $listen "keyFile" "/var/run/nauthera/mutual-tls/tls.key" -}}
{{- end -}}
{{- $_ := set $mutualTLS "listen" $listen -}}
{{- end -}}
{{- toYaml $mutualTLS -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "nauthera.outbound.allow" -}}
{{- $own := list (dict "to" (printf ".svc.%s" .Values.clusterDomain) "for" (list "backchannel")) -}}
{{- .Values.server.outbound.allow | default (kindIs "invalid" .Values.server.outbound.allow | ternary $own list) | toYaml -}}
{{- end -}}

{{- define "nauthera.settings.upstreams" -}}
{{- $upstreams := list -}}
{{- range .Values.federation.providers -}}
{{- $mount := printf "/var/run/nauthera/federation/%s" .id -}}
{{- $files := dict "clientIdFile" (printf "%s/id" $mount) "clientSecretFile" (printf "%s/secret" $mount) -}}
{{- if .logo }}{{- $_ := set $files "logoFile" (printf "%s/logo" $mount) -}}{{- end -}}
{{- $upstreams = append $upstreams (merge $files (omit . "secret" "logo")) -}}
{{- end -}}
{{- toYaml $upstreams -}}
{{- end -}}

{{- define "nauthera.settings.server" -}}
{{- $own := dict
  "issuer" .Values.issuer
  "listen" (dict "port" (int .Values.server.ports.http))
  "management" (dict "port" (int .Values.server.ports.management))
  "log" (include "nauthera.log" (list . .Values.server.log) | fromYaml)
  "extraHosts" .Values.server.extraHosts
  "trustedProxies" .Values.server.trustedProxies
  "allowUntrustedProxy" .Values.server.allowUntrustedProxy
  "outbound" (dict "allow" (include "nauthera.outbound.allow" . | fromYamlArray))
  "keysDirectory" "/var/run/nauthera/keys"
  "database" (include "nauthera.settings.database" . | fromYaml)
  "signing" (pick .Values.signing "algorithms" "idToken" "accessToken")
-}}
{{- with .Values.signing.userinfo -}}
{{- $_ := set $own.signing "userinfo" . -}}
{{- end -}}
{{- if .Values.signing.existingJwksSecret.name -}}
{{- $_ := set $own.signing "jwksFile" "/var/run/nauthera/signing/jwks.json" -}}
{{- end -}}
{{- if .Values.server.tls.existingSecret -}}
{{- $_ := set $own "tls" (dict "certFile" "/var/run/nauthera/https/tls.crt" "keyFile" "/var/run/nauthera/https/tls.key") -}}
{{- end -}}
{{- $mutualTLS := include "nauthera.settings.mutualTLS" . | fromYaml -}}
{{- if $mutualTLS -}}{{- $_ := set $own "mutualTLS" $mutualTLS -}}{{- end -}}
{{- $branding := dict -}}
{{- with .Values.branding.title }}{{- $_ := set $branding "title" . -}}{{- end -}}
{{- with .Values.branding.existingConfigMap -}}
{{- if .name -}}
{{- if .key }}{{- $_ := set $branding "logoFile" "/var/run/nauthera/branding/logo" -}}{{- end -}}
{{- if .cssKey }}{{- $_ := set $branding "cssFile" "/var/run/nauthera/branding/style.css" -}}{{- end -}}
{{- if .layoutKey }}{{- $_ := set $branding "layoutFile" "/var/run/nauthera/branding/layout.eta" -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if .Values.branding.texts.existingConfigMap }}{{- $_ := set $branding "textsDirectory" "/var/run/nauthera/texts" -}}{{- end -}}
{{- if .Values.federation.providers -}}
{{- $_ := set $own "upstreams" (include "nauthera.settings.upstreams" . | fromYamlArray) -}}
{{- end -}}
{{- if $branding -}}{{- $_ := set $own "branding" $branding -}}{{- end -}}
{{- if .Values.ldap.enabled -}}
{{- $_ := set $own "sources" (include "nauthera.settings.sources" . | fromYamlArray) -}}
{{- end -}}
{{- $cache := include "nauthera.settings.cache" . | fromYaml -}}
{{- if $cache -}}{{- $_ := set $own "cache" $cache -}}{{- end -}}
{{- $mail := include "nauthera.settings.mail" . | fromYaml -}}
{{- if $mail -}}{{- $_ := set $own "mail" $mail -}}{{- end -}}
{{- include "nauthera.settings.traced" (list . (mergeOverwrite (deepCopy .Values.server.settings) $own)) -}}
{{- end -}}

{{/* What `nauthera migrate up` reads: the server's, with the database as the schema's owner sees it. */}}
{{- define "nauthera.settings.migrate" -}}
{{- $database := include "nauthera.settings.database" . | fromYaml -}}
{{- if .Values.migrations.existingSecret.name -}}
{{- $database = merge (dict "dsnFile" "/var/run/nauthera/migrations/dsn") (pick $database "sslMode" "caFile") -}}
{{- end -}}
{{- dict "issuer" .Values.issuer "log" (include "nauthera.log" (list . .Values.server.log) | fromYaml) "database" $database | toYaml -}}
{{- end -}}

{{- define "nauthera.settings.backup" -}}
{{- $database := include "nauthera.settings.database" . | fromYaml -}}
{{- dict "issuer" .Values.issuer "keysDirectory" "/var/run/nauthera/keys" "database" $database | toYaml -}}
{{- end -}}

{{- define "nauthera.settings.agent" -}}
{{- $own := dict
  "release" (include "nauthera.release" .)
  "namespace" .Release.Namespace
  "status" (dict "port" (int .Values.agent.ports.status))
  "management" (dict "port" (int .Values.agent.ports.management))
  "log" (include "nauthera.log" (list . .Values.agent.log) | fromYaml)
-}}
{{- include "nauthera.settings.traced" (list . (mergeOverwrite (deepCopy .Values.agent.settings) $own)) -}}
{{- end -}}

{{- define "nauthera.settings.operator" -}}
{{- $link := dict "mode" "operator" -}}
{{- if ne .Values.link.mode "operator" -}}
{{- $link = dict "mode" "existing" "directory" "/var/run/nauthera/link" -}}
{{- end -}}
{{- $own := dict
  "issuer" .Values.issuer
  "release" (include "nauthera.release" .)
  "namespace" .Release.Namespace
  "mode" .Values.operator.mode
  "serverName" .Values.operator.serverName
  "watch" (dict "mode" .Values.operator.watch.mode "namespaces" .Values.operator.watch.namespaces)
  "redirectURIsFrom" .Values.operator.redirectURIsFrom
  "nudge" (eq (include "nauthera.nudge" .) "true")
  "policy" .Values.operator.policy
  "link" $link
  "management" (dict "port" (int .Values.operator.ports.management))
  "log" (include "nauthera.log" (list . .Values.operator.log) | fromYaml)
-}}
{{- if include "nauthera.spoke" . -}}
{{- $_ := set $own "spoke" (dict "cluster" .Values.operator.spoke.cluster "kubeconfigSecret" .Values.operator.spoke.kubeconfigSecret) -}}
{{- end -}}
{{- include "nauthera.settings.traced" (list . (mergeOverwrite (deepCopy .Values.operator.settings) $own)) -}}
{{- end -}}

{{/* Settings that a process reads only at its start: their digest rolls the pods. */}}
{{- define "nauthera.cold.server" -}}
{{- $server := include "nauthera.settings.server" . | fromYaml -}}
{{- $agent := include "nauthera.settings.agent" . | fromYaml -}}
{{- list $server $agent (include "nauthera.settings.migrate" . | fromYaml) | toJson | sha256sum -}}
{{- end -}}
{{- define "nauthera.cold.operator" -}}
{{- include "nauthera.settings.operator" . | fromYaml | toJson | sha256sum -}}
{{- end -}}
