{{/* OIDCPolicies as CEL, for an answer at once: `params` is one policy, `object` an OIDCClient. What one policy decides alone
     stands here; what depends on other policies or other clients (defaults, gates that nobody opens, the number of clients) is
     left to the operator, which judges everything again. */}}

{{/* (selector, labels): a label selector, which may be absent */}}
{{- define "nauthera.cel.selected" -}}
{{- $selector := index . 0 -}}{{- $labels := index . 1 -}}
(!has({{ $selector }}.matchLabels) ||
{{ $selector }}.matchLabels.all(k, k in {{ $labels }} && {{ $labels }}[k] == {{ $selector }}.matchLabels[k])) &&
(!has({{ $selector }}.matchExpressions) || {{ $selector }}.matchExpressions.all(e,
e.operator == 'Exists' ? e.key in {{ $labels }} :
e.operator == 'DoesNotExist' ? !(e.key in {{ $labels }}) :
e.operator == 'In' ? e.key in {{ $labels }} && has(e.values) && {{ $labels }}[e.key] in e.values :
!(e.key in {{ $labels }}) || !has(e.values) || !({{ $labels }}[e.key] in e.values)))
{{- end -}}

{{/* (enforcement of the policies that these rules are for: Deny or Warn) */}}
{{- define "nauthera.policy.variables" -}}
- name: spec
  expression: object.spec
- name: allow
  expression: "has(params.spec.allow) ? params.spec.allow : {}"
- name: require
  expression: "has(params.spec.require) ? params.spec.require : {}"
- name: limits
  expression: "has(params.spec.limits) && has(params.spec.limits.tokens) ? params.spec.limits.tokens : {}"
- name: bounds
  expression: "has(params.spec.rotation) ? params.spec.rotation : {}"
- name: tokens
  expression: "has(object.spec.tokens) ? object.spec.tokens : {}"
- name: rotation
  expression: "has(object.spec.rotation) ? object.spec.rotation : {}"
- name: selector
  expression: "has(params.spec.selector) ? params.spec.selector : {}"
- name: clientLabels
  expression: >-
    object.metadata.namespace.startsWith('nauthera-cluster-') && has(object.spec.origin) && has(object.spec.origin.labels) ?
    object.spec.origin.labels : has(object.metadata.labels) ? object.metadata.labels : {}
- name: namespaceLabels
  expression: "has(namespaceObject.metadata.labels) ? namespaceObject.metadata.labels : {}"
- name: cluster
  expression: "object.metadata.namespace.startsWith('nauthera-cluster-') ? object.metadata.namespace.substring(17) : ''"
- name: holds
  expression: >-
    (has(params.spec.enforcement) ? params.spec.enforcement : 'Deny') == {{ . | squote }} &&
    (!has(variables.selector.clients) || ({{ include "nauthera.cel.selected" (list "variables.selector.clients" "variables.clientLabels") | nindent 4 }})) &&
    (!has(variables.selector.clusters) || variables.selector.clusters.exists(c, c.name == variables.cluster && ('*' in c.namespaces || object.metadata.name.split('.')[0] in c.namespaces))) &&
    (!has(variables.selector.namespaces) || (variables.cluster == '' && {{ include "nauthera.cel.selected" (list "variables.selector.namespaces" "variables.namespaceLabels") | nindent 4 }}))
- name: method
  expression: >-
    has(object.spec.auth) && has(object.spec.auth.method) ? object.spec.auth.method :
    object.spec.type in ['Web', 'M2M'] ? 'client_secret' : 'none'
- name: secretWords
  expression: >-
    variables.method == 'client_secret' ? ['client_secret', 'client_secret_basic', 'client_secret_post'] :
    variables.method in ['client_secret_basic', 'client_secret_post'] ? ['client_secret', string(variables.method)] :
    [string(variables.method)]
- name: scopes
  expression: >-
    has(object.spec.scopes) ? object.spec.scopes : object.spec.type == 'M2M' ? [] : ['openid', 'profile', 'email', 'groups']
- name: consent
  expression: "has(object.spec.consent) ? object.spec.consent : 'Remember'"
{{- end -}}

{{/* (field of the client, condition that must hold, what to say; the last two are CEL) */}}
{{- define "nauthera.policy.rule" -}}
- expression: {{ printf "!variables.holds || %s" (index . 1) | quote }}
  messageExpression: {{ printf "'OIDCPolicy ' + params.metadata.name + ': %s: ' + %s" (index . 0) (index . 2) | quote }}
{{- end -}}

{{/* (field, key of `allow`, the values as a CEL list, whether a * at the end covers all that begin so) */}}
{{- define "nauthera.policy.among" -}}
{{- $list := printf "variables.allow.%s" (index . 1) -}}
{{- $covers := printf "v in %s" $list -}}
{{- if index . 3 -}}
{{- $covers = printf "%s.exists(a, a.endsWith('*') ? v.startsWith(a.substring(0, size(a) - 1)) : v == a)" $list -}}
{{- end -}}
{{ include "nauthera.policy.rule" (list (index . 0)
  (printf "!has(%s) || %s.all(v, %s)" $list (index . 2) $covers)
  (printf "'must be among ' + (size(%s) == 0 ? '(nothing)' : %s.join(', '))" $list $list)) }}
{{- end -}}

{{/* (field, key of `allow`, when the client asks for it) */}}
{{- define "nauthera.policy.gate" -}}
{{ include "nauthera.policy.rule" (list (index . 0)
  (printf "!has(variables.allow.%s) || variables.allow.%s || !(%s)" (index . 1) (index . 1) (index . 2))
  (printf "'needs a policy with allow.%s: true, and this one says false'" (index . 1))) }}
{{- end -}}

{{/* (field, list of URIs): hosts of the network; loopback and an application's own scheme are none */}}
{{- define "nauthera.policy.hosts" -}}
{{- $hosts := "variables.allow.redirectHosts" -}}
{{- $host := "u.split('/')[2].split('?')[0].split(':')[0].lowerAscii()" -}}
{{- $allowed := printf "%s.exists(a, a.startsWith('.') ? %s.endsWith(a.lowerAscii()) && size(%s) > size(a) : %s == a.lowerAscii())" $hosts $host $host $host -}}
{{ include "nauthera.policy.rule" (list (index . 0)
  (printf "!has(%s) || !has(%s) || %s.all(u, !(u.startsWith('https://') || u.startsWith('http://')) || u.startsWith('http://[::1]') || u.startsWith('https://[::1]') || %s in ['localhost', '127.0.0.1'] || %s)" $hosts (index . 1) (index . 1) $host $allowed)
  (printf "'must be on ' + (size(%s) == 0 ? '(no host)' : %s.join(', '))" $hosts $hosts)) }}
{{- end -}}

{{/* (field, list of URIs): http is for loopback only, and with require.https not for that */}}
{{- define "nauthera.policy.https" -}}
{{ include "nauthera.policy.rule" (list (index . 0)
  (printf "!has(variables.require.https) || !variables.require.https || !has(%s) || %s.all(u, !u.startsWith('http://'))" (index . 1) (index . 1))
  "'must be https'") }}
{{- end -}}

{{/* (field, value of the client, limit of the policy): durations */}}
{{- define "nauthera.policy.atMost" -}}
{{ include "nauthera.policy.rule" (list (index . 0)
  (printf "!has(%s) || !has(%s) || duration(%s) <= duration(%s)" (index . 2) (index . 1) (index . 1) (index . 2))
  (printf "'must be at most ' + %s" (index . 2))) }}
{{- end -}}

{{- define "nauthera.policy.validations" -}}
{{ include "nauthera.policy.among" (list "spec.type" "types" "[variables.spec.type]" false) }}
{{ include "nauthera.policy.among" (list "spec.grantTypes" "grantTypes" "(has(variables.spec.grantTypes) ? variables.spec.grantTypes : [])" false) }}
{{ include "nauthera.policy.rule" (list "spec.auth.method"
  "!has(variables.allow.authMethods) || variables.secretWords.exists(v, v in variables.allow.authMethods)"
  "'must be among ' + (size(variables.allow.authMethods) == 0 ? '(nothing)' : variables.allow.authMethods.join(', '))") }}
{{ include "nauthera.policy.among" (list "spec.scopes" "scopes" "variables.scopes" true) }}
{{ include "nauthera.policy.among" (list "spec.audiences" "audiences" "(has(variables.spec.audiences) ? variables.spec.audiences : [])" true) }}
{{ include "nauthera.policy.among" (list "spec.resourceServer.identifier" "resourceIdentifiers" "(has(variables.spec.resourceServer) ? [variables.spec.resourceServer.identifier] : [])" true) }}
{{ include "nauthera.policy.among" (list "spec.consent" "consent" "(variables.spec.type == 'M2M' ? [] : [variables.consent])" false) }}
{{ include "nauthera.policy.hosts" (list "spec.redirectURIs" "variables.spec.redirectURIs") }}
{{ include "nauthera.policy.hosts" (list "spec.postLogoutRedirectURIs" "variables.spec.postLogoutRedirectURIs") }}
{{ include "nauthera.policy.https" (list "spec.redirectURIs" "variables.spec.redirectURIs") }}
{{ include "nauthera.policy.https" (list "spec.postLogoutRedirectURIs" "variables.spec.postLogoutRedirectURIs") }}
{{ include "nauthera.policy.gate" (list "spec.clientId" "customClientId" "has(variables.spec.clientId) && variables.spec.clientId != (variables.cluster == '' ? object.metadata.namespace + '.' : variables.cluster + '_') + object.metadata.name") }}
{{ include "nauthera.policy.gate" (list "spec.secret.existingSecretRef" "existingSecret" "has(variables.spec.secret) && has(variables.spec.secret.existingSecretRef)") }}
{{ include "nauthera.policy.gate" (list "spec.secret.verifiers" "verifiers" "variables.cluster == '' && has(variables.spec.secret) && has(variables.spec.secret.verifiers)") }}
{{ include "nauthera.policy.gate" (list "spec.pkce" "optionalPKCE" "has(variables.spec.pkce) && variables.spec.pkce == 'Optional'") }}
{{ include "nauthera.policy.gate" (list "spec.resourceServer" "resourceServer" "has(variables.spec.resourceServer)") }}
{{ include "nauthera.policy.gate" (list "spec.grantTypes" "tokenExchange" "has(variables.spec.grantTypes) && 'token_exchange' in variables.spec.grantTypes") }}
{{ include "nauthera.policy.rule" (list "spec.par" "!has(variables.require.par) || !variables.require.par || variables.spec.type in ['M2M', 'Device'] || (has(variables.spec.par) && variables.spec.par)" "'must be true'") }}
{{ include "nauthera.policy.rule" (list "spec.dpop" "!has(variables.require.dpop) || !variables.require.dpop || (has(variables.spec.dpop) && variables.spec.dpop)" "'must be true'") }}
{{ include "nauthera.policy.rule" (list "spec.pkce" "!has(variables.require.pkce) || !variables.require.pkce || !(variables.spec.type in ['Web', 'SPA', 'Native']) || !has(variables.spec.pkce) || variables.spec.pkce == 'Required'" "'must be Required'") }}
{{ include "nauthera.policy.atMost" (list "spec.tokens.accessTTL" "variables.tokens.accessTTL" "variables.limits.access") }}
{{ include "nauthera.policy.atMost" (list "spec.tokens.idTTL" "variables.tokens.idTTL" "variables.limits.id") }}
{{ include "nauthera.policy.atMost" (list "spec.tokens.refreshTTL" "variables.tokens.refreshTTL" "variables.limits.refresh") }}
{{ include "nauthera.policy.atMost" (list "spec.rotation.overlap" "variables.rotation.overlap" "variables.bounds.maxOverlap") }}
{{- end -}}

{{/* (context, enforcement): what both admission policies are made of */}}
{{- define "nauthera.policy.admissionSpec" -}}
{{- $root := index . 0 -}}
failurePolicy: Ignore
paramKind: {apiVersion: auth.nauthera.io/v1alpha1, kind: OIDCPolicy}
matchConstraints:
  resourceRules:
    - apiGroups: [auth.nauthera.io]
      apiVersions: [v1alpha1]
      resources: [oidcclients]
      operations: [CREATE, UPDATE]
matchConditions:
  - name: served-here
    expression: "(has(object.spec.serverName) ? object.spec.serverName : 'default') == {{ $root.Values.operator.serverName | squote }}"
  # A trigger, a label or a finalizer can be written on a client that a newer policy denies.
  - name: new-or-changed
    expression: oldObject == null || object.spec != oldObject.spec
variables:
  {{- include "nauthera.policy.variables" (index . 1) | nindent 2 }}
validations:
  {{- include "nauthera.policy.validations" $root | nindent 2 }}
{{- end -}}
