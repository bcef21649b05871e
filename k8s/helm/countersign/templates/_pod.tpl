{{/*
The pod's part of one of the files, with the names and ports of this instance. files/ holds copies of k8s/sidecars and
k8s/component: what the sidecars are is said there, once.
*/}}
{{- define "countersign.source" -}}
{{- $root := index . 0 -}}
{{- $config := $root.Values.config -}}
{{- $text := $root.Files.Get (printf "files/%s.yaml" (index . 1)) -}}
{{- $text = regexReplaceAll "([nN]ame: )countersign-" $text (printf "${1}%s-" (include "countersign.name" $root)) -}}
{{- $text = replace "127.0.0.1:9902" "THE-VERIFIER" $text -}}
{{- $text = replace "127.0.0.1:9901" (printf "127.0.0.1:%v" $config.envoy.admin.port) $text -}}
{{- $text = replace "THE-VERIFIER" (printf "127.0.0.1:%v" $config.admin.port) $text -}}
{{- $text = replace "name: ingress, containerPort: 8443" (printf "name: ingress, containerPort: %v" $config.envoy.listener.port) $text -}}
{{- $text = replace "name: health, containerPort: 8080" (printf "name: health, containerPort: %v" $config.envoy.health.port) $text -}}
{{- $text = replace "name: verifier-scrape, containerPort: 9903" (printf "name: verifier-scrape, containerPort: %v" $config.metrics.port) $text -}}
{{- (fromYaml $text).spec.template.spec | toYaml -}}
{{- end }}

{{/* The containers of the sidecars, in the order of their start: those of pod.yaml first, and what it adds to others. */}}
{{- define "countersign.initContainers" -}}
{{- $sidecars := include "countersign.source" (list . "sidecars") | fromYaml -}}
{{- $pod := include "countersign.source" (list . "pod") | fromYaml -}}
{{- $known := dict -}}
{{- range $sidecars.initContainers }}{{ $_ := set $known .name . }}{{ end -}}
{{- $containers := list -}}
{{- range $pod.initContainers -}}
{{- if hasKey $known .name -}}
{{- $other := get $known .name -}}
{{- $_ := set $other "volumeMounts" (concat .volumeMounts $other.volumeMounts) -}}
{{- else -}}
{{- $containers = append $containers . -}}
{{- end -}}
{{- end -}}
{{- $own := dict "verifier" .Values.verifier.container "envoy" .Values.envoy.container -}}
{{- range concat $containers $sidecars.initContainers -}}
{{- $image := include "countersign.image" (list $.Values.image $.Chart.AppVersion) -}}
{{- if eq .name "envoy" }}{{ $image = include "countersign.image" (list $.Values.envoy.image "") }}{{ end -}}
{{- $_ := set . "image" $image -}}
{{- $_ := set . "imagePullPolicy" $.Values.image.pullPolicy -}}
{{- $_ := mergeOverwrite . (deepCopy (get $own .name | default dict)) }}
{{ toYaml (list .) }}
{{- end -}}
{{- end }}

{{/* The application's container: the chart's part of it, and over that its own. */}}
{{- define "countersign.application" -}}
{{- $image := include "countersign.image" (list .Values.application.image "latest") -}}
{{- $restricted := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "runAsNonRoot" true "runAsUser" 65534 "capabilities" (dict "drop" (list "ALL")) "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- /* Envoy sends it requests until the drain is over. */ -}}
{{- $lifecycle := dict "preStop" (dict "sleep" (dict "seconds" 20)) -}}
{{- $resources := dict "requests" (dict "cpu" "250m" "memory" "256Mi") "limits" (dict "memory" "512Mi") -}}
{{- $container := dict "name" "application" "image" $image "securityContext" $restricted "lifecycle" $lifecycle "resources" $resources -}}
{{- toYaml (list (mergeOverwrite $container (deepCopy .Values.application.container))) -}}
{{- end }}

{{/* Every volume; the audit log outlives the one pod that has its nonces for itself. */}}
{{- define "countersign.volumes" -}}
{{- $volumes := (include "countersign.source" (list . "sidecars") | fromYaml).volumes -}}
{{- range (include "countersign.source" (list . "pod") | fromYaml).volumes -}}
{{- if ne .name "verifier-audit-log" }}{{ $volumes = append $volumes . }}{{ end -}}
{{- end -}}
{{- if include "countersign.shared" . -}}
{{- $claim := dict "spec" (include "countersign.claim" . | fromYaml) -}}
{{- $volumes = append $volumes (dict "name" "verifier-audit-log" "ephemeral" (dict "volumeClaimTemplate" $claim)) -}}
{{- else -}}
{{- $claim := dict "claimName" (printf "%s-audit-log" (include "countersign.name" .)) -}}
{{- $volumes = append $volumes (dict "name" "verifier-audit-log" "persistentVolumeClaim" $claim) -}}
{{- end -}}
{{- toYaml (concat $volumes .Values.application.volumes) -}}
{{- end }}

{{- define "countersign.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.auditLog.storageClassName }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests: { storage: {{ .Values.auditLog.storage }} }
{{- end }}
