"""Grafana's dashboards of what a controller tells at /metrics, made from typed code and written as JSON by `make dashboards`.

Lives here: which panels there are and what they ask (fleet, team, job, controller), and how panels look (panels). Never here: a
metric's meaning (docs/metrics.md), an alert (the chart), or anything that the controller itself needs.
"""
