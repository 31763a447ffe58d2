"""How panels look, and what all dashboards have in common: variables, links, the scope of every query."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

TAG = "trainmaster"
SCOPE = 'job=~"$scrape"'
"""in every query: a Prometheus may watch several installations"""
_METRIC = re.compile(r"\b((?:trainmaster|process)_\w+)(?:\{([^}]*)\})?")
SECONDS, RATIO, BYTES, CELSIUS, PER_SECOND, PLAIN = "s", "percentunit", "bytes", "celsius", "cps", "short"
WIDTH = 24
"""columns of Grafana's grid"""
SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

Panel: TypeAlias = timeseries.Panel | stat.Panel | bargauge.Panel | table.Panel


@dataclass(frozen=True)
class Query:
    """One query of a panel, and what its series are called; `expr` is without the scope, which is the same for all."""

    expr: str
    legend: str = ""

    @property
    def scoped(self) -> str:
        return scoped(self.expr)


@dataclass(frozen=True)
class Row:
    """Panels under one heading, side by side."""

    title: str
    panels: Sequence[Panel]


def scoped(expr: str) -> str:
    """The same of the installations that are chosen."""
    return _METRIC.sub(lambda found: f"{found[1]}{{{','.join(filter(None, (SCOPE, found[2])))}}}", expr)


def graph(
    title: str, says: str, unit: str, *queries: Query, stacked: bool = False, width: int = 8
) -> timeseries.Panel:
    """Lines over time; `stacked` where their sum means something."""
    mode = looks.StackingMode.NORMAL if stacked else looks.StackingMode.NONE
    panel = (
        _framed(timeseries.Panel(), title, says, unit, width, 8)
        .min(0)
        .line_width(1)
        .fill_opacity(25 if stacked else 8)
        .show_points(looks.VisibilityMode.NEVER)
        .stacking(common.StackingConfig().mode(mode))
        .legend(
            common.VizLegendOptions()
            .display_mode(looks.LegendDisplayMode.LIST)
            .placement(looks.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING)
        )
    )
    return panel.targets(list(_targets(queries)))


def number(
    title: str, says: str, unit: str, query: Query, warn: float | None = None, width: int = 4
) -> stat.Panel:
    """The newest value, large, with its course behind it; orange from `warn` on."""
    panel = (
        _framed(stat.Panel(), title, says, unit, width, 4)
        .graph_mode(looks.BigValueGraphMode.AREA)
        .color_mode(looks.BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(warn))
    )
    return panel.targets(list(_targets([query])))


def bars(title: str, says: str, unit: str, query: Query, width: int = 8) -> bargauge.Panel:
    """The newest values side by side, one bar each."""
    panel = (
        _framed(bargauge.Panel(), title, says, unit, width, 8)
        .min(0)
        .orientation(looks.VizOrientation.HORIZONTAL)
        .display_mode(looks.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(None))
    )
    return panel.targets(list(_targets([query], instant=True)))


def listing(title: str, says: str, unit: str, query: Query, width: int = 8) -> table.Panel:
    """A table of the newest values by their labels."""
    target = _target("A", query, instant=True).format(PromQueryFormat.TABLE)
    hidden = {"Time": True, "job": True, "instance": True}
    return (
        _framed(table.Panel(), title, says, unit, width, 8)
        .with_transformation(
            model.DataTransformerConfig(id_val="organize", options={"excludeByName": hidden})
        )
        .sort_by([common.TableSortByFieldState().display_name("Value").desc(True)])
        .with_target(target)
    )


def page(
    name: str, title: str, says: str, rows: Iterable[Row], variables: Iterable[Builder[model.VariableModel]]
) -> model.Dashboard:
    """A whole dashboard. Its address in Grafana stays the same over versions."""
    made = (
        build.Dashboard(title)
        .uid(f"trainmaster-{name}")
        .description(says)
        .tags([TAG])
        .readonly()
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(
            build.DashboardLink("trainmaster")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(True)
        )
        .variables([_datasource(), _scrape(), *variables])
    )
    number_ = 0
    for row in rows:
        made.with_row(build.Row(row.title).id(number_ := number_ + 1))
        for panel in row.panels:
            made.with_panel(panel.id(number_ := number_ + 1))
    return made.build()


def choice(name: str, label: str, values: str, *, several: bool = True) -> build.QueryVariable:
    """A variable whose values are a label's; `several` may be chosen at once, and all are."""
    variable = (
        build.QueryVariable(name)
        .label(label)
        .query({"query": values, "refId": name})
        .datasource(SOURCE)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )
    if several:
        variable.multi(True).include_all(True).all_value(".*")
        variable.current(model.VariableOption(True, ["All"], ["$__all"]))
    return variable


def quantiles(metric: str, *shares: float, where: str = "", by: str = "") -> list[Query]:
    """Of a histogram, over the whole range that is shown: ends of jobs are rare."""
    labels = f"le, {by}" if by else "le"
    legend = f"{{{{{by}}}}} " if by else ""
    return [
        Query(
            f"histogram_quantile({share}, sum by ({labels}) (increase({metric}_bucket{where}[$__range])))",
            f"{legend}p{share * 100:g}",
        )
        for share in shares
    ]


P = TypeVar("P", timeseries.Panel, stat.Panel, bargauge.Panel, table.Panel)


def _framed(panel: P, title: str, says: str, unit: str, width: int, height: int) -> P:
    """What every panel has."""
    return panel.title(title).description(says).unit(unit).datasource(SOURCE).span(width).height(height)


def _datasource() -> build.DatasourceVariable:
    return build.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def _scrape() -> build.QueryVariable:
    return choice("scrape", "Installation", "label_values(trainmaster_build_info, job)")


def _targets(queries: Sequence[Query], *, instant: bool = False) -> Iterable[prometheus.Dataquery]:
    for place, query in enumerate(queries):
        yield _target(chr(ord("A") + place), query, instant=instant)


def _target(ref: str, query: Query, *, instant: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(ref).expr(query.scoped).legend_format(query.legend or "__auto")
    return target.instant() if instant else target.range()


def _thresholds(warn: float | None) -> build.ThresholdsConfig:
    steps = [model.Threshold(None, "blue" if warn is None else "green")]
    if warn is not None:
        steps.append(model.Threshold(warn, "orange"))
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)
