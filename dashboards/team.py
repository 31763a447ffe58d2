"""One team or queue: its jobs, how long they wait, how they end, what they hold and cost. For who shares the cluster."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import gpu_time
from dashboards.fleet import PRICE
from dashboards.gpu_time import HELD, IDLE
from dashboards.panels import (
    BYTES,
    PER_SECOND,
    PLAIN,
    RATIO,
    SECONDS,
    Query,
    Row,
    bars,
    choice,
    graph,
    listing,
    number,
    page,
    quantiles,
    scoped,
)

QUEUE = '{queue=~"$queue"}'
OURS = '{queue=~"$queue",user=~"$user"}'


def team() -> Dashboard:
    says = "The jobs of some queues and users: waits, ends, holdings and cost."
    variables = [
        choice("queue", "Queue", scoped("label_values(trainmaster_jobs, queue)")),
        choice("user", "User", scoped("label_values(trainmaster_held_containers, user)")),
        PRICE,
    ]
    rows = (_now(), _ends(), _holdings(), _cost())
    return page("team", "trainmaster / Team or queue", says, rows, variables)


def _now() -> Row:
    return Row(
        "Now",
        [
            number(
                "Jobs running",
                "In these queues.",
                PLAIN,
                Query('sum(trainmaster_jobs{queue=~"$queue",state="Running"})'),
                width=6,
            ),
            number(
                "Jobs queued",
                "In these queues.",
                PLAIN,
                Query('sum(trainmaster_jobs{queue=~"$queue",state="Queued"})'),
                width=6,
            ),
            number(
                "Longest wait",
                "Of the job that has waited longest to start anything.",
                SECONDS,
                Query(f"max(trainmaster_longest_wait_seconds{QUEUE})"),
                width=6,
            ),
            number(
                "Gangs waiting",
                "Jobs that gather a gang.",
                PLAIN,
                Query(f"sum(trainmaster_gangs_waiting{QUEUE})"),
                width=6,
            ),
            graph(
                "Jobs by state",
                "In these queues.",
                PLAIN,
                Query(f"sum by (state) (trainmaster_jobs{QUEUE})", "{{state}}"),
                stacked=True,
                width=12,
            ),
            graph(
                "Wait for containers",
                "From acceptance until all containers to start with are there, by queue.",
                SECONDS,
                *quantiles("trainmaster_queue_wait_seconds", 0.5, 0.95, where=QUEUE, by="queue"),
                width=12,
            ),
        ],
    )


def _ends() -> Row:
    failed = 'increase(trainmaster_jobs_finished_total{queue=~"$queue",result="Failed"}[$__range])'
    ended = 'increase(trainmaster_jobs_finished_total{queue=~"$queue",result=~"Failed|Succeeded"}[$__range])'
    return Row(
        "Ends",
        [
            graph(
                "Ends",
                "Runs that are over, each second.",
                PER_SECOND,
                Query(
                    f"sum by (queue, result) (rate(trainmaster_jobs_finished_total{QUEUE}[$__rate_interval]))",
                    "{{queue}} {{result}}",
                ),
            ),
            bars(
                "Share that failed",
                "Of the runs that ended in the range shown.",
                RATIO,
                Query(f"sum by (queue) ({failed}) / sum by (queue) ({ended})", "{{queue}}"),
            ),
            listing(
                "Why jobs failed",
                "In the range shown.",
                PLAIN,
                Query(f"topk(20, sum by (queue, reason, framework) ({failed}) > 0)"),
            ),
        ],
    )


def _holdings() -> Row:
    return Row(
        "Held, by user",
        [
            graph("Containers", "Granted to replicas.", PLAIN, _by_user("containers"), stacked=True, width=6),
            graph("Memory", "Of these containers.", BYTES, _by_user("memory_bytes"), stacked=True, width=6),
            graph("Virtual cores", "Of these containers.", PLAIN, _by_user("vcores"), stacked=True, width=6),
            graph("GPUs", "Of these containers.", PLAIN, _by_user("gpus"), stacked=True, width=6),
            listing(
                "Jobs by memory",
                "The largest of those that live.",
                BYTES,
                Query(
                    f"topk(20, sum by (job_namespace, job_name, user, queue) (trainmaster_held_memory_bytes{OURS}))"
                ),
                width=12,
            ),
            listing(
                "Jobs by GPUs",
                "The largest of those that live.",
                PLAIN,
                Query(
                    f"topk(20, sum by (job_namespace, job_name, user, queue) (trainmaster_held_gpus{OURS}))"
                ),
                width=12,
            ),
        ],
    )


def _by_user(what: str) -> Query:
    return Query(f"sum by (user) (trainmaster_held_{what}{OURS})", "{{user}}")


def _cost() -> Row:
    return Row(
        "GPUs, in the range shown",
        [
            gpu_time.hours(OURS),
            gpu_time.cost(OURS),
            gpu_time.idle_share(OURS),
            number("GPUs held", "At present.", PLAIN, Query(f"sum(trainmaster_held_gpus{OURS})"), width=6),
            graph(
                "GPUs held by user",
                "From the time that YARN granted.",
                PLAIN,
                Query(f"sum by (user) (rate({HELD}{OURS}[$__rate_interval]))", "{{user}}"),
                stacked=True,
                width=12,
            ),
            graph(
                "GPUs idle by user",
                "Of those that are measured.",
                PLAIN,
                Query(f"sum by (user) (rate({IDLE}{OURS}[$__rate_interval]))", "{{user}}"),
                stacked=True,
                width=12,
            ),
        ],
    )
