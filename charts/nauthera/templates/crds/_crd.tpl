{{/* (root, plural): the generated definition as data, because its descriptions hold {{ }}. */}}
{{- define "nauthera.object.crd" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.crds.enabled -}}
{{- if eq (include "nauthera.crdOwner" (list $root (printf "%s.auth.nauthera.io" (index . 1)))) "ours" -}}
{{- $crd := $root.Files.Get (printf "files/crds/%s.yaml" (index . 1)) | fromYaml -}}
{{- $labels := include "nauthera.labels" (list $root "crds") | fromYaml -}}
{{- $_ := set $crd.metadata "labels" (merge $labels ($crd.metadata.labels | default dict)) -}}
{{- if $root.Values.crds.keep -}}
{{- $_ := set $crd.metadata "annotations" (merge (dict "helm.sh/resource-policy" "keep") ($crd.metadata.annotations | default dict)) -}}
{{- end -}}
{{- toYaml $crd -}}
{{- end -}}
{{- end -}}
{{- end -}}
