"""The controller itself: who leads, whom it reaches, how quickly it works, and what goes wrong. For who is called at night."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.panels import (
    BYTES,
    PER_SECOND,
    PLAIN,
    RATIO,
    SECONDS,
    Query,
    Row,
    graph,
    number,
    page,
)

EACH = "{{instance}}"


def controller() -> Dashboard:
    says = "The controllers of an installation: leadership, what they reach, their speed, their troubles."
    rows = (_now(), _reach(), _speed(), _faults(), _kubernetes(), _process())
    return page("controller", "trainmaster / Controller", says, rows, [])


def _now() -> Row:
    return Row(
        "Now",
        [
            number(
                "Leaders",
                "One, or something is wrong.",
                PLAIN,
                Query("sum(trainmaster_leader)"),
                warn=2,
            ),
            number("Controllers", "That Prometheus sees.", PLAIN, Query("count(trainmaster_leader)")),
            number("YARN reached", "By the leader.", PLAIN, Query("min(trainmaster_yarn_up)")),
            number("Store reached", "By all controllers.", PLAIN, Query("min(trainmaster_store_up)")),
            number(
                "In trouble",
                "Controllers that are kept from a part of their work; /readyz says why.",
                PLAIN,
                Query("sum(trainmaster_trouble)"),
                warn=1,
            ),
            number(
                "Shortest time left",
                "Until the ResourceManager gives a job up.",
                SECONDS,
                Query("min(trainmaster_application_expiry_seconds)"),
            ),
        ],
    )


def _reach() -> Row:
    failed = 'sum by (protocol, target) (rate(trainmaster_hadoop_calls_total{result="unavailable"}[$__rate_interval]))'
    return Row(
        "What it reaches",
        [
            graph(
                "Calls of Hadoop's daemons",
                "By daemon.",
                PER_SECOND,
                Query(
                    "sum by (protocol, target) (rate(trainmaster_hadoop_calls_total[$__rate_interval]))",
                    "{{target}} {{protocol}}",
                ),
            ),
            graph(
                "Share of calls without an answer",
                "By daemon, of those that are called.",
                RATIO,
                Query(
                    f"{failed} / (sum by (protocol, target) (rate(trainmaster_hadoop_calls_total[$__rate_interval])) > 0)",
                    "{{target}} {{protocol}}",
                ),
            ),
            graph(
                "Calls refused",
                "Also by what belongs to work that goes well.",
                PER_SECOND,
                Query(
                    'sum by (target, result) (rate(trainmaster_hadoop_calls_total{result=~"refused|denied"}[$__rate_interval]))',
                    "{{target}} {{result}}",
                ),
            ),
            graph(
                "Lag of the source",
                "Age of the newest whole picture of what is declared.",
                SECONDS,
                Query("max by (instance) (trainmaster_source_lag_seconds)", EACH),
            ),
            graph(
                "Time left in YARN",
                "Until the ResourceManager gives up the longest silent job, and what it allows.",
                SECONDS,
                Query("min(trainmaster_application_expiry_seconds)", "left"),
                Query("min(trainmaster_application_expiry_limit_seconds)", "limit"),
            ),
            graph(
                "Age of tokens",
                "The oldest ones; YARN renews them by itself.",
                SECONDS,
                Query("max(trainmaster_amrm_token_age_seconds)", "application masters"),
                Query("max(trainmaster_nm_token_age_seconds)", "NodeManagers"),
            ),
        ],
    )


def _speed() -> Row:
    return Row(
        "How quickly it works",
        [
            graph(
                "Heartbeats",
                "Answered calls of `allocate`.",
                PER_SECOND,
                Query("sum(rate(trainmaster_heartbeat_seconds_count[$__rate_interval]))", "heartbeats"),
            ),
            graph(
                "Duration of heartbeats",
                "Of `allocate`.",
                SECONDS,
                *_quantiles("trainmaster_heartbeat_seconds"),
            ),
            graph("Duration of passes", "Over one job.", SECONDS, *_quantiles("trainmaster_pass_seconds")),
            graph(
                "Duration of journal writes",
                "Until a record is durable.",
                SECONDS,
                *_quantiles("trainmaster_journal_write_seconds"),
            ),
            graph(
                "Longest stall",
                "Stretch in which the loop read no answer, of the last minute or two.",
                SECONDS,
                Query("max by (instance) (trainmaster_loop_longest_stall_seconds)", EACH),
            ),
            graph(
                "Time stalled",
                "Share of the time in stretches of 10 ms and more.",
                RATIO,
                Query("sum by (instance) (rate(trainmaster_loop_stall_seconds_sum[$__rate_interval]))", EACH),
            ),
        ],
    )


def _quantiles(metric: str) -> list[Query]:
    return [
        Query(
            f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[$__rate_interval])))",
            f"p{share * 100:g}",
        )
        for share in (0.5, 0.99)
    ]


def _faults() -> Row:
    return Row(
        "What goes wrong",
        [
            graph(
                "Passes that failed",
                "And are made again.",
                PER_SECOND,
                _rate("trainmaster_pass_failures_total", "passes"),
            ),
            graph(
                "Errors nobody foresaw",
                "By the work that met them: faults of the program.",
                PER_SECOND,
                Query(
                    "sum by (work) (rate(trainmaster_unforeseen_errors_total[$__rate_interval]))", "{{work}}"
                ),
            ),
            graph(
                "Left undone",
                "Applications that can't be ended, statuses that can't be shown, jobs of other installations.",
                PLAIN,
                _most("unended_applications"),
                _most("unshown_statuses"),
                _most("foreign_jobs"),
            ),
            graph(
                "Ends that failed",
                "Tries to end an application that nobody can speak for.",
                PER_SECOND,
                _rate("trainmaster_end_failures_total", "tries"),
            ),
            graph(
                "Events",
                "For people, by reason.",
                PER_SECOND,
                Query(
                    "sum by (type, reason) (rate(trainmaster_events_total[$__rate_interval]))", "{{reason}}"
                ),
            ),
            graph(
                "Jobs taken up",
                "From the journal, by a controller that began to lead.",
                PLAIN,
                Query("sum by (instance) (trainmaster_take_ups_total)", EACH),
            ),
        ],
    )


def _most(what: str) -> Query:
    return Query(f"max(trainmaster_{what})", what.replace("_", " "))


def _rate(metric: str, legend: str) -> Query:
    return Query(f"sum(rate({metric}[$__rate_interval]))", legend)


def _kubernetes() -> Row:
    return Row(
        "Kubernetes, where jobs come from there",
        [
            graph(
                "Calls of the API server",
                "By what is done.",
                PER_SECOND,
                Query(
                    "sum by (verb) (rate(trainmaster_kubernetes_calls_total[$__rate_interval]))", "{{verb}}"
                ),
                width=6,
            ),
            graph(
                "Calls that failed",
                "Some 404 and 409 belong to work that goes well.",
                PER_SECOND,
                Query(
                    'sum by (resource, code) (rate(trainmaster_kubernetes_calls_total{code!~"2.."}[$__rate_interval]))',
                    "{{resource}} {{code}}",
                ),
                width=6,
            ),
            graph(
                "Watches begun anew",
                "Between watches changes are seen by lists alone.",
                PER_SECOND,
                _rate("trainmaster_kubernetes_watch_restarts_total", "watches"),
                width=6,
            ),
            graph(
                "Reviews of the webhooks",
                "By what was answered.",
                PER_SECOND,
                Query(
                    "sum by (webhook, outcome) (rate(trainmaster_webhook_reviews_total[$__rate_interval]))",
                    "{{webhook}} {{outcome}}",
                ),
                width=6,
            ),
        ],
    )


def _process() -> Row:
    return Row(
        "The process",
        [
            graph(
                "CPU",
                "Cores in use.",
                PLAIN,
                Query("rate(process_cpu_seconds_total[$__rate_interval])", EACH),
            ),
            graph("Memory", "Resident.", BYTES, Query("process_resident_memory_bytes", EACH)),
            graph(
                "Open files",
                "Of what it may open.",
                RATIO,
                Query("process_open_fds / process_max_fds", EACH),
            ),
        ],
    )
