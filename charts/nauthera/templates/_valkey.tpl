{{- define "nauthera.settings.cache" -}}
{{- if eq .Values.cache.mode "external" -}}
urlFile: /var/run/nauthera/cache/url
{{- end -}}
{{- end -}}
