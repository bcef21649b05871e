{{/* What would let a request in twice, or keep the pod from starting, is said before anything is applied. */}}
{{- define "countersign.checks" -}}
{{- $many := or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) -}}
{{- if and $many (not (include "countersign.shared" .)) -}}
{{- fail "several pods with nonces in lmdb would each take a request once: set config.nonces.store to redis (values-replicated.yaml), or leave replicas at 1 and autoscaling off" -}}
{{- end -}}
{{- if and $many (dig "keys" "rotation" false (.Values.config | default dict)) -}}
{{- fail "config.keys.rotation of several pods would make keys for each pod apart, behind one address: leave replicas at 1 and autoscaling off, or take config.keys.rotation away and rotate one configuration for all with countersign rotate-key" -}}
{{- end -}}
{{- if not .Values.application.image.repository -}}
{{- fail "there is no application: set application.image.repository to the image that listens on 127.0.0.1:8000" -}}
{{- end -}}
{{- end }}
