{{/*
Names, labels, and what several templates need to agree on.
*/}}

{{- define "trainmaster.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Of everything in the release's namespace. Suffixes such as -webhook follow it, so it stays well below 63 characters. */}}
{{- define "trainmaster.fullname" -}}
{{- $name := include "trainmaster.name" . -}}
{{- $full := printf "%s-%s" .Release.Name $name -}}
{{- if .Values.fullnameOverride -}}
{{- $full = .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- $full = .Release.Name -}}
{{- end -}}
{{- $full = $full | trunc 40 | trimSuffix "-" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $full) -}}
{{- fail (printf "no Service can be named %s, after the release: set fullnameOverride, or name the release with lower-case letters, digits and -, beginning with a letter" $full) -}}
{{- end -}}
{{- $full -}}
{{- end -}}

{{/* Of what belongs to the whole cluster: two releases of one name in two namespaces must not meet. */}}
{{- define "trainmaster.clusterName" -}}
{{- printf "%s.%s" (include "trainmaster.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "trainmaster.selector" -}}
app.kubernetes.io/name: {{ include "trainmaster.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "trainmaster.labels" -}}
{{ include "trainmaster.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: controller
app.kubernetes.io/part-of: trainmaster
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "trainmaster.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "trainmaster.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "trainmaster.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "trainmaster.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{- .Values.publicUrl -}}
{{- else if .Values.ingress.enabled -}}
{{- printf "%s://%s" (ternary "https" "http" (not (empty .Values.ingress.tlsSecret))) .Values.ingress.host -}}
{{- else -}}
{{- printf "http://%s.%s.svc:%v" (include "trainmaster.fullname" .) .Release.Namespace .Values.service.port -}}
{{- end -}}
{{- end -}}

{{- define "trainmaster.webhookService" -}}
{{- printf "%s-webhook" (include "trainmaster.fullname" .) -}}
{{- end -}}

{{/* Name of the Secret of cert-manager's certificate, and of the Certificate itself. */}}
{{- define "trainmaster.webhookCertificate" -}}
{{- printf "%s-webhook-tls" (include "trainmaster.fullname" .) -}}
{{- end -}}

{{/* Name of the ConfigMap of Hadoop's files; empty where there is none. */}}
{{- define "trainmaster.hadoopConfigMap" -}}
{{- if .Values.hadoop.configMap -}}
{{- .Values.hadoop.configMap -}}
{{- else if .Values.hadoop.files -}}
{{- printf "%s-hadoop" (include "trainmaster.fullname" .) -}}
{{- end -}}
{{- end -}}

{{/* Whether the controller makes the webhooks' certificate itself, and so writes the CA into their configurations. */}}
{{- define "trainmaster.ownCertificate" -}}
{{- if and .Values.webhook.enabled (not .Values.webhook.certManager.enabled) -}}true{{- end -}}
{{- end -}}
