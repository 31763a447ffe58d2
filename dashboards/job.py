"""One job while it lives: its replicas, restarts, holdings and GPUs. For whose job it is."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.panels import (
    BYTES,
    CELSIUS,
    PLAIN,
    RATIO,
    SECONDS,
    Query,
    Row,
    choice,
    graph,
    number,
    page,
    scoped,
)

JOB = '{job_namespace="$job_namespace",job_name="$job_name"}'
REPLICA = "{{role}}-{{index}} GPU {{gpu}} of {{node}}"


def job() -> Dashboard:
    says = "One job: replicas, restarts, what it holds, and what its GPUs do. What it was afterwards is on its page."
    held = scoped('trainmaster_held_containers{job_namespace="$job_namespace"}')
    namespaces = scoped("label_values(trainmaster_held_containers, job_namespace)")
    variables = [
        choice("job_namespace", "Namespace", namespaces, several=False),
        choice("job_name", "Job", f"label_values({held}, job_name)", several=False),
    ]
    return page("job", "trainmaster / Job", says, (_now(), _time(), _held(), _used(), _gpus()), variables)


def _now() -> Row:
    return Row(
        "Replicas",
        [
            number("Running", "Replicas that run.", PLAIN, Query(f"sum(trainmaster_replicas_running{JOB})")),
            number(
                "Missing",
                "Replicas that are wanted and don't run.",
                PLAIN,
                Query(f"sum(trainmaster_replicas_wanted{JOB} - trainmaster_replicas_running{JOB})"),
                warn=1,
            ),
            number(
                "Charged restarts",
                "Of its backoffLimit.",
                PLAIN,
                Query(
                    'max(trainmaster_job_restarts_total{job_namespace="$job_namespace",job_name="$job_name",charged="true"})'
                ),
                warn=1,
            ),
            number(
                "Other restarts",
                "For which nobody was charged: nodes, preemption, edits.",
                PLAIN,
                Query(
                    'max(trainmaster_job_restarts_total{job_namespace="$job_namespace",job_name="$job_name",charged="false"})'
                ),
            ),
            number(
                "Time left in YARN",
                "Until the ResourceManager gives the job up, should nobody heartbeat for it.",
                SECONDS,
                Query(f"min(trainmaster_job_expiry_seconds{JOB})"),
            ),
            number(
                "GPU use",
                "Mean of its GPUs.",
                RATIO,
                Query(f"avg(trainmaster_gpu_utilization_ratio{JOB})"),
            ),
            graph(
                "Running by role",
                "Replicas that run.",
                PLAIN,
                Query(f"sum by (role) (trainmaster_replicas_running{JOB})", "{{role}}"),
                width=8,
            ),
            graph(
                "Wanted by role",
                "Replicas that the job declares.",
                PLAIN,
                Query(f"sum by (role) (trainmaster_replicas_wanted{JOB})", "{{role}}"),
                width=8,
            ),
            graph(
                "Restarts",
                "In the range shown.",
                PLAIN,
                Query(
                    f"sum by (charged) (increase(trainmaster_job_restarts_total{JOB}[$__range]))",
                    "charged {{charged}}",
                ),
                width=8,
            ),
        ],
    )


def _time() -> Row:
    return Row(
        "What becomes of its time",
        [
            number(
                "Goodput",
                "What part of what it held was training.",
                RATIO,
                Query(f"max(trainmaster_job_goodput_ratio{JOB})"),
            ),
            graph(
                "Replicas by what they do",
                "On the average over five minutes; what failures cost is Replaying, Stalled and Recovering.",
                PLAIN,
                Query(f"max by (class) (deriv(trainmaster_job_spent_seconds{JOB}[5m]))", "{{class}}"),
                width=18,
            ),
        ],
    )


def _held() -> Row:
    return Row(
        "Held",
        [
            graph("Containers", "Granted to its replicas.", PLAIN, _sum("containers", "containers"), width=6),
            graph("Memory", "As granted.", BYTES, _sum("memory_bytes", "memory"), width=6),
            graph("Virtual cores", "As granted.", PLAIN, _sum("vcores", "vcores"), width=6),
            graph("GPUs", "As granted.", PLAIN, _sum("gpus", "GPUs"), width=6),
        ],
    )


def _sum(what: str, legend: str) -> Query:
    return Query(f"sum(trainmaster_held_{what}{JOB})", legend)


def _used() -> Row:
    """Of a replica, and not of all: by that one asks for more or less."""
    return Row(
        "Used, of what each replica asked for, where NodeManagers measure it",
        [
            graph(
                "Memory of a replica",
                "On the average, of the one that uses most, and the most that any used since its container began.",
                BYTES,
                Query(_of_role("max", "role_memory_requested_bytes"), "{{role}} asked for"),
                Query(_of_role("avg", "replica_memory_used_bytes"), "{{role}} uses"),
                Query(_of_role("max", "replica_memory_used_bytes"), "{{role}} uses at most"),
                Query(_of_role("max", "replica_memory_peak_bytes"), "{{role}} ever used"),
                width=12,
            ),
            graph(
                "Cores of a replica",
                "On the average, and of the one that uses most. A virtual core may be less than a core.",
                PLAIN,
                Query(_of_role("max", "role_vcores_requested"), "{{role}} asked for"),
                Query(_of_role("avg", "replica_cpu_used_cores"), "{{role}} uses"),
                Query(_of_role("max", "replica_cpu_used_cores"), "{{role}} uses at most"),
                width=12,
            ),
        ],
    )


def _of_role(how: str, metric: str) -> str:
    return f"{how} by (role) (trainmaster_{metric}{JOB})"


def _gpus() -> Row:
    return Row(
        "GPUs",
        [
            graph(
                "Use",
                "Time in which a kernel ran on the GPU.",
                RATIO,
                Query(f"trainmaster_gpu_utilization_ratio{JOB}", REPLICA),
                width=12,
            ),
            graph(
                "Memory in use",
                "Of the GPU.",
                BYTES,
                Query(f"trainmaster_gpu_memory_used_bytes{JOB}", REPLICA),
                width=12,
            ),
            graph(
                "Share of memory in use",
                "Of what the GPU has.",
                RATIO,
                Query(
                    f"trainmaster_gpu_memory_used_bytes{JOB} / trainmaster_gpu_memory_capacity_bytes{JOB}",
                    REPLICA,
                ),
                width=12,
            ),
            graph(
                "Temperature",
                "Of the GPU.",
                CELSIUS,
                Query(f"trainmaster_gpu_temperature_celsius{JOB}", REPLICA),
                width=12,
            ),
        ],
    )
