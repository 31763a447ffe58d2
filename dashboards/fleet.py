"""The fleet: what runs, waits and ends, what it holds, its GPUs, and what they cost. For who runs the cluster."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import gpu_time
from dashboards.gpu_time import HELD, IDLE, MEASURED
from dashboards.panels import (
    BYTES,
    CELSIUS,
    PER_SECOND,
    PLAIN,
    RATIO,
    SECONDS,
    Query,
    Row,
    bars,
    graph,
    listing,
    number,
    page,
    quantiles,
)

OWNED = '{job_name!=""}'
UNUSED = (
    "max by (job_namespace, job_name, role) (trainmaster_role_memory_requested_bytes)"
    " - on (job_namespace, job_name, role) group_right"
    " max by (job_namespace, job_name, role, index) (trainmaster_replica_memory_peak_bytes)"
)
"""memory of a replica, by role and index"""
PRICE = build.TextBoxVariable("price").label("Price of a GPU hour").default_value("2.5")


def fleet() -> Dashboard:
    rows = (_now(), _jobs(), _waits(), _holdings(), _used(), _gpus(), _cost())
    says = "All jobs of an installation, what they hold and use, and what their GPUs do and cost."
    return page("fleet", "trainmaster / Fleet", says, rows, [PRICE])


def _now() -> Row:
    return Row(
        "Now",
        [
            number(
                "Jobs running",
                "Jobs whose gang runs.",
                PLAIN,
                Query('sum(trainmaster_jobs{state="Running"})'),
            ),
            number(
                "Jobs queued",
                "Accepted, and waiting for YARN, their turn or containers.",
                PLAIN,
                Query('sum(trainmaster_jobs{state="Queued"})'),
            ),
            number(
                "Longest wait",
                "Of the job that has waited longest to start anything.",
                SECONDS,
                Query("max(trainmaster_longest_wait_seconds)"),
            ),
            number(
                "Failed",
                "Runs that failed in the range shown.",
                PLAIN,
                Query('sum(increase(trainmaster_jobs_finished_total{result="Failed"}[$__range]))'),
            ),
            number(
                "GPUs allocated",
                "Of all that YARN knows of.",
                RATIO,
                Query('sum(trainmaster_cluster_gpus{state="allocated"}) / sum(trainmaster_cluster_gpus)'),
            ),
            number(
                "Use of held GPUs",
                "Mean of the GPUs that jobs hold.",
                RATIO,
                Query(f"avg(trainmaster_gpu_utilization_ratio{OWNED})"),
            ),
        ],
    )


def _jobs() -> Row:
    return Row(
        "Jobs",
        [
            graph(
                "Jobs by state",
                "Declared jobs, the finished ones included.",
                PLAIN,
                Query("sum by (state) (trainmaster_jobs)", "{{state}}"),
                stacked=True,
            ),
            graph(
                "Replicas by state",
                "Of live jobs.",
                PLAIN,
                Query("sum by (state) (trainmaster_replicas) > 0", "{{state}}"),
                stacked=True,
            ),
            graph(
                "Ends",
                "Runs of jobs that are over, each second.",
                PER_SECOND,
                Query(
                    "sum by (result) (rate(trainmaster_jobs_finished_total[$__rate_interval]))", "{{result}}"
                ),
            ),
            listing(
                "Why jobs ended",
                "Ends in the range shown, most frequent first.",
                PLAIN,
                Query(
                    "topk(20, sum by (result, reason, framework) (increase(trainmaster_jobs_finished_total[$__range])) > 0)"
                ),
            ),
            graph(
                "Restarts of replicas",
                "By the judged cause, and whether the job was charged.",
                PER_SECOND,
                Query(
                    "sum by (cause, charged) (rate(trainmaster_restarts_total[$__rate_interval]))",
                    "{{cause}}, charged {{charged}}",
                ),
            ),
            graph(
                "Duration of jobs",
                "From the first start to the end, of those that ended in the range shown.",
                SECONDS,
                *quantiles("trainmaster_job_duration_seconds", 0.5, 0.95),
            ),
        ],
    )


def _waits() -> Row:
    return Row(
        "Waiting and starting",
        [
            graph(
                "Wait for containers",
                "From acceptance until all containers to start with are there.",
                SECONDS,
                *quantiles("trainmaster_queue_wait_seconds", 0.5, 0.95),
            ),
            graph(
                "Submission to running",
                "From a job's submission until its first processes run.",
                SECONDS,
                *quantiles("trainmaster_submit_to_running_seconds", 0.5, 0.95),
            ),
            graph(
                "Replacement of a process",
                "From its end until the one in its place runs, backoff included.",
                SECONDS,
                *quantiles("trainmaster_replacement_seconds", 0.5, 0.95),
            ),
            graph(
                "Gathering of a gang",
                "From the asking until all containers are there.",
                SECONDS,
                *quantiles("trainmaster_gang_wait_seconds", 0.5, 0.95),
            ),
            graph(
                "Gangs waiting",
                "Jobs that gather a gang, by queue.",
                PLAIN,
                Query("sum by (queue) (trainmaster_gangs_waiting)", "{{queue}}"),
                stacked=True,
            ),
            graph(
                "Gangs given back",
                "Gangs that weren't whole in time.",
                PER_SECOND,
                Query("sum(rate(trainmaster_gang_timeouts_total[$__rate_interval]))", "given back"),
            ),
        ],
    )


def _holdings() -> Row:
    return Row(
        "Held, by queue",
        [
            graph(
                "Containers", "Granted to replicas.", PLAIN, _by_queue("containers"), stacked=True, width=6
            ),
            graph("Memory", "Of these containers.", BYTES, _by_queue("memory_bytes"), stacked=True, width=6),
            graph("Virtual cores", "Of these containers.", PLAIN, _by_queue("vcores"), stacked=True, width=6),
            graph("GPUs", "Of these containers.", PLAIN, _by_queue("gpus"), stacked=True, width=6),
        ],
    )


def _used() -> Row:
    return Row(
        "Memory that is used, where NodeManagers measure it",
        [
            number(
                "Used by replicas",
                "Physical memory of the processes of all replicas that are told of.",
                BYTES,
                Query("sum(trainmaster_replica_memory_used_bytes)"),
                width=6,
            ),
            number(
                "Nodes that tell nothing",
                "Of what their containers use, when asked last; most often since they don't measure it.",
                PLAIN,
                Query('sum(trainmaster_use_nodes) - (sum(trainmaster_use_nodes{state="Told"}) or vector(0))'),
                warn=1,
                width=6,
            ),
            bars(
                "Asked for and never used",
                "What a job's replicas asked for, less the most that each of them used since its container began.",
                BYTES,
                Query(
                    f"topk(10, sum by (job_namespace, job_name) ({UNUSED}))", "{{job_namespace}}/{{job_name}}"
                ),
                width=12,
            ),
        ],
    )


def _by_queue(what: str) -> Query:
    return Query(f"sum by (queue) (trainmaster_held_{what})", "{{queue}}")


def _gpus() -> Row:
    return Row(
        "GPUs",
        [
            graph(
                "GPUs of the cluster",
                "As YARN tells of them.",
                PLAIN,
                Query("sum by (state) (trainmaster_cluster_gpus)", "{{state}}"),
                stacked=True,
            ),
            graph(
                "Use by node",
                "Mean of the GPUs there that jobs hold.",
                RATIO,
                Query(f"avg by (node) (trainmaster_gpu_utilization_ratio{OWNED})", "{{node}}"),
            ),
            graph(
                "Memory in use by node",
                "Of the GPUs' memory.",
                RATIO,
                Query(
                    "sum by (node) (trainmaster_gpu_memory_used_bytes) / sum by (node) (trainmaster_gpu_memory_capacity_bytes)",
                    "{{node}}",
                ),
            ),
            graph(
                "Hottest GPU by node",
                "Temperature.",
                CELSIUS,
                Query("max by (node) (trainmaster_gpu_temperature_celsius)", "{{node}}"),
            ),
            number(
                "Nodes that tell nothing",
                "Of their GPUs, when asked last.",
                PLAIN,
                Query("sum(trainmaster_gpu_node_up == bool 0)"),
                warn=1,
                width=8,
            ),
            bars(
                "Idle jobs",
                "Use of the busiest GPU of each job, the idlest first.",
                RATIO,
                Query(
                    f"bottomk(10, max by (job_namespace, job_name) (trainmaster_gpu_utilization_ratio{OWNED}))",
                    "{{job_namespace}}/{{job_name}}",
                ),
            ),
        ],
    )


def _cost() -> Row:
    return Row(
        "Cost of GPUs, in the range shown",
        [
            gpu_time.hours(),
            gpu_time.cost(),
            number(
                "Cost of idle GPUs",
                "The part of it in which the GPU did nothing, as far as it was measured.",
                PLAIN,
                Query(f"sum(increase({IDLE}[$__range])) / 3600 * $price"),
                width=6,
            ),
            gpu_time.idle_share(),
            listing(
                "Cost by user and queue",
                "GPU hours times the price above.",
                PLAIN,
                Query(f"sum by (user, queue) (increase({HELD}[$__range])) / 3600 * $price"),
                width=12,
            ),
            bars(
                "Idle share by user",
                "Of the measured time.",
                RATIO,
                Query(
                    f"sum by (user) (increase({IDLE}[$__range])) / sum by (user) (increase({MEASURED}[$__range]))",
                    "{{user}}",
                ),
                width=12,
            ),
        ],
    )
