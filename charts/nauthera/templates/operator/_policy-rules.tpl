{{/* OIDCPolicies as CEL, for an answer at once. files/policy-admission.yaml has what one policy decides alone; what depends on other
     policies or other clients (defaults, gates that nobody opens, the number of clients) is left to the operator, which judges
     everything again. */}}

{{/* (context, enforcement): what both admission policies are made of */}}
{{- define "nauthera.policy.admissionSpec" -}}
{{- $root := index . 0 -}}
{{- $rules := $root.Files.Get "files/policy-admission.yaml" | fromYaml -}}
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
variables:
  - name: enforcement
    expression: {{ index . 1 | squote | quote }}
  {{- toYaml $rules.variables | nindent 2 }}
validations:
  {{- toYaml $rules.validations | nindent 2 }}
{{- end -}}
