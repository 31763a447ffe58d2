import subprocess
from pathlib import Path
from xml.etree import ElementTree

from trainmaster.local import gpus


def test_the_stand_in_answers_like_the_real_one(tmp_path: Path) -> None:
    gpus.install(tmp_path / "gpu", 2)
    done = subprocess.run([tmp_path / "gpu/nvidia-smi", "-x", "-q"], capture_output=True, check=True)
    found = ElementTree.fromstring(done.stdout).findall("gpu")
    assert [gpu.findtext("minor_number") for gpu in found] == ["0", "1"]
    assert len({gpu.findtext("uuid") for gpu in found}) == 2


def test_every_gpu_tells_memory_use_and_temperature() -> None:
    """The elements that org.apache.hadoop.yarn.server.nodemanager.webapp.dao.gpu.PerGpuDeviceInformation reads."""
    [gpu] = ElementTree.fromstring(gpus.answer(1)).findall("gpu")
    for element in ("fb_memory_usage/total", "utilization/gpu_util", "temperature/gpu_temp", "product_name"):
        assert gpu.findtext(element)
