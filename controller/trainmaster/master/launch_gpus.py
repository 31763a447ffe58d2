"""The part of a process's script that tells it which GPUs are its own, where the cluster gives them out without isolating them.

It asks its NodeManager, and goes on without where it gets no sense in time: in bash alone, which is there where YARN is. GPUs are
named by UUID, which means the same whether or not the others can be seen, and in whatever order CUDA counts.
Pure: text in, text out.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainmaster.hadoop.gpus import PATH
from trainmaster.plan.values import Container

if TYPE_CHECKING:
    from trainmaster.master.desk import Desk

PATIENCE = 15
"""seconds for the answer: the NodeManager lets nvidia-smi run for 10, and its neighbours ask at the same time"""
LONGEST = 1_000_000
"""characters of it that are read"""
CHOSEN = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
"""variables by which a person, or a runtime of containers, has chosen already; the lines want them set before"""


@dataclass(frozen=True, slots=True)
class GpuLaunch:
    """What a process with GPUs is to find out before it starts."""

    granted: int
    """how many YARN granted"""
    scheme: str
    """of the NodeManager's web server: http or https"""
    user: str
    """as whom it is asked"""
    job: str
    """namespace/name, for dcgm-exporter"""
    visible_devices: bool = True
    job_mapping_dir: str = ""
    """of dcgm-exporter; empty where none is kept"""


NO_GPUS = GpuLaunch(0, "http", "", "")


def gpu_launch(desk: Desk, told: Mapping[str, str], container: Container | None) -> GpuLaunch:
    """Of a container that is to be started with these variables."""
    if container is None or not container.size.gpus:
        return NO_GPUS
    return GpuLaunch(
        container.size.gpus,
        desk.conf.scheme,
        told.get("HADOOP_USER_NAME", ""),
        f"{told.get('TRAINMASTER_NAMESPACE')}/{told.get('TRAINMASTER_JOB')}",
        desk.settings.gpu.visible_devices,
        desk.settings.gpu.dcgm_job_mapping_dir,
    )


def gpu_lines(gpus: GpuLaunch) -> str:
    """The lines of the script, each with its end; empty where there is nothing to find out."""
    if not gpus.granted or not (gpus.visible_devices or gpus.job_mapping_dir):
        return ""
    wanted = "1" if gpus.job_mapping_dir else ""
    parts = [
        _FUNCTIONS.format(
            scheme=gpus.scheme, path=PATH, user=shlex.quote(gpus.user), patience=PATIENCE, longest=LONGEST
        ),
        f"if [ -n '{wanted}' ] || ! tm_isolated {gpus.granted}; then tm_gpus=$(tm_ask) || tm_gpus=; else tm_gpus=isolated; fi",
    ]
    if gpus.visible_devices:
        parts.append(_VISIBLE.format(granted=gpus.granted))
    if gpus.job_mapping_dir:
        parts.append(_MAPPING.format(folder=shlex.quote(gpus.job_mapping_dir), job=shlex.quote(gpus.job)))
    parts.append("unset -f tm_say tm_isolated tm_ask tm_get tm_read tm_visible tm_map; unset tm_gpus")
    return "\n".join((*parts, ""))


# tm_ask prints one line for each GPU of this container: `index minor uuid`. The answer's lists have no nested brackets but in the
# objects, and no text of the user's, so that patterns can read them; what doesn't fit gives nothing.
_FUNCTIONS = r"""
tm_say() {{ echo "trainmaster: $*" >&2; }}
tm_isolated() {{
  case "${{NVIDIA_VISIBLE_DEVICES-all}}" in all | '') ;; *) return 0 ;; esac  # a runtime of containers has chosen
  local device open=0
  for device in /dev/nvidia[0-9]*; do (exec 3<"$device") 2>/dev/null && open=$((open + 1)); done
  [ "$open" = "$1" ]
}}
tm_get() {{
  local target="{path}?user.name="{user}
  if [ {scheme} = https ]; then
    command -v curl >/dev/null && curl -skm {patience} --proxy '' "https://$NM_HOST:$NM_HTTP_PORT$target"
  else
    exec 3<>"/dev/tcp/$NM_HOST/$NM_HTTP_PORT" || return
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\nAccept: application/json\r\n\r\n' "$target" "$NM_HOST" >&3
    cat <&3
  fi
}}
tm_read() {{
  local answer=$1 own='' entry rest index minor uuid
  [[ $answer =~ \"assignedGpuDevices\":\[([^]]*)\] ]] || return
  rest=${{BASH_REMATCH[1]}}
  while [[ $rest =~ ^[^{{]*\{{([^}}]*)\}}(.*)$ ]]; do
    entry=${{BASH_REMATCH[1]}} rest=${{BASH_REMATCH[2]}}
    [[ $entry == *"\"containerId\":\"$CONTAINER_ID\""* ]] || continue
    [[ $entry =~ \"index\":([0-9]+) ]] && index=${{BASH_REMATCH[1]}} || continue
    [[ $entry =~ \"minorNumber\":([0-9]+) ]] && minor=${{BASH_REMATCH[1]}} || continue
    uuid=''
    [[ $answer =~ \"uuid\":\"([A-Za-z0-9-]+)\",\"minorNumber\":$minor[^0-9] ]] && uuid=${{BASH_REMATCH[1]}}
    echo "$index $minor $uuid"
  done
}}
tm_ask() {{
  [ -n "${{NM_HOST-}}" ] && [ -n "${{NM_HTTP_PORT-}}" ] && [ -n "${{CONTAINER_ID-}}" ] || return
  export -f tm_get
  tm_read "$(timeout {patience} bash -c tm_get 2>/dev/null | head -c {longest} | tr -d '\0')"
}}"""

_VISIBLE = r"""
tm_visible() {{
  [ "$tm_gpus" = isolated ] && return
  [ -n "${{CUDA_VISIBLE_DEVICES-}}" ] && return
  local uuids='' number=0 index minor uuid
  while read -r index minor uuid; do
    [ -n "$uuid" ] && uuids+=,$uuid number=$((number + 1))
  done <<<"$tm_gpus"
  if [ "$number" = {granted} ]; then
    export CUDA_VISIBLE_DEVICES=${{uuids#,}}
  else
    tm_say "CUDA_VISIBLE_DEVICES stays unset: the NodeManager told of $number of the {granted} GPUs of this container"
  fi
}}
tm_visible"""

_MAPPING = r"""
tm_map() {{
  local folder={folder} index minor uuid files=()
  while read -r index minor uuid; do
    [ -n "$index" ] || continue
    {{ echo {job} >"$folder/$index"; }} 2>/dev/null && files+=("$folder/$index") ||
      tm_say "GPU $index: $folder can't be written to, for dcgm-exporter"
  done <<<"$tm_gpus"
  [ ${{#files[@]}} -gt 0 ] && trap "rm -f ${{files[*]@Q}}" EXIT
  return 0
}}
tm_map"""
