{{/* What everything of this instance is called. */}}
{{- define "countersign.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "countersign" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-countersign" (.Release.Name | trunc 28 | trimSuffix "-") -}}
{{- end -}}
{{- end }}

{{/* By these a pod is found; they never change. */}}
{{- define "countersign.selector" -}}
app.kubernetes.io/name: countersign
app.kubernetes.io/instance: {{ include "countersign.name" . }}
{{- end }}

{{- define "countersign.labels" -}}
{{ include "countersign.selector" . }}
app.kubernetes.io/part-of: countersign
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* REPOSITORY:TAG, or REPOSITORY@DIGEST. Takes the image and the tag that it has by default. */}}
{{- define "countersign.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default (index . 1)) -}}
{{- end -}}
{{- end }}

{{/* Whether there may be more than one pod. */}}
{{- define "countersign.shared" -}}
{{- if eq .Values.config.nonces.store "redis" }}yes{{ end -}}
{{- end }}
