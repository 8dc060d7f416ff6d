{{/* (root, values of the image, name of ours or ""): one image reference, as JSON. A digest counts more than a tag. */}}
{{- define "nauthera.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}{{- $name := index . 2 -}}
{{- $ours := $root.Values.image -}}
{{- $registry := $root.Values.global.imageRegistry | default $image.registry -}}
{{- if $name -}}{{- $registry = $registry | default $ours.registry -}}{{- end -}}
{{- $repository := $image.repository | default (printf "%s/%s" (trimSuffix "/" $ours.repository) $name) -}}
{{- $reference := ternary $repository (printf "%s/%s" (trimSuffix "/" $registry) $repository) (eq $registry "") -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $reference $image.digest | toJson -}}
{{- else -}}
{{- $tag := $image.tag -}}
{{- if $name -}}{{- $tag = $tag | default $ours.tag | default $root.Chart.AppVersion -}}{{- end -}}
{{- printf "%s:%s" $reference $tag | toJson -}}
{{- end -}}
{{- end -}}

{{- define "nauthera.pullPolicy" -}}
{{- if include "nauthera.hardened" (index . 0) -}}Always
{{- else -}}{{- (index . 1).pullPolicy | default (index . 0).Values.image.pullPolicy -}}{{- end -}}
{{- end -}}
