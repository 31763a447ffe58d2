"""What is a checkpoint and which is the newest settled one, as tables of what frameworks really write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainmaster.frameworks.checkpoints import Listed, may_be_checkpoint, newest, said_by, step_of


def file(name: str, at: int = 1, size: int = 10) -> Listed:
    return Listed(name, folder=False, size=size, modified=at)


def folder(name: str, at: int = 1, size: int = 10) -> Listed:
    return Listed(name, folder=True, size=size, modified=at)


def found(*listed: Listed, state: str = "") -> str | None:
    """Of a folder in which nothing changes any more."""
    which = newest(listed, listed, state)
    return which[0] if which else None


OTHER_FOLDERS = [
    "tensorboard_writer",
    "criteria",
    "filters",
    "stepwise-logs",
    "iterator_state",
    "tb_epochs",
    "checkpoints",
    "20261127",
    "steps",
    "runs",
]
OTHER_FILES = [
    "training_args.bin",
    "optimizer.pt",
    "scheduler.pt",
    "scaler.pt",
    "rng_state.pth",
    "rng_state_0.pth",
    "vocab.pkl",
    "train.tar",
    "dataset.npz",
    "dataset.pt",
    "metrics.h5",
    "tokenizer.pkl",
    "optimizer_step_400.pt",
    "step_400_optim.pt",
    "data.hdf5",
    "lr_scheduler.pt",
    "events.bin",
]
MODELS = [
    "model.pt",
    "resnet50_best.pth",
    "latest.ckpt",
    "pytorch_model.bin",
    "model.safetensors",
    "mnist.keras",
    "my.weights.h5",
    "model.h5",
    "step_5.npz",
    "ckpt_7.pkl",
    "checkpoint.tar",
    "epoch_3.tar",
    "flax_model.msgpack",
    "params.npz",
    "template.pt",
    "steps-7.npz",
]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param([], None, id="an empty folder"),
        pytest.param([file("a.pt", 1), file("b.pt", 2)], "b.pt", id="the later one"),
        pytest.param(
            [file("step_9.pt", 1), file("step_10.pt", 1)], "step_10.pt", id="of one time the further one"
        ),
        pytest.param(
            [file("ckpt-2.index", 3), file("ckpt-2.data-00000-of-00001", 2)], "ckpt-2", id="TensorFlow"
        ),
        pytest.param(
            [file("ckpt-3.data-00000-of-00001", 2)], None, id="TensorFlow's without an index isn't whole"
        ),
        pytest.param(
            [folder("checkpoint-500", 1), folder("checkpoint-1000", 2)], "checkpoint-1000", id="transformers"
        ),
        pytest.param([folder("1000", 1), folder("2000.orbax-checkpoint-tmp-7", 2)], "1000", id="Orbax"),
        pytest.param([file("epoch=3-step=400.ckpt")], "epoch=3-step=400.ckpt", id="Lightning"),
        pytest.param([file("model_12.ubj", 2), file("model_11.ubj", 1)], "model_12.ubj", id="XGBoost"),
        pytest.param([file("net-0010.params")], "net-0010.params", id="MXNet"),
        pytest.param(
            [file("m.pt.tmp", 2), file(".m.pt", 3), file("_m.pt", 3), file("x.pt._COPYING_", 4)],
            None,
            id="unfinished",
        ),
        pytest.param([file("m.pt", size=0), folder("checkpoint-5", size=0)], None, id="nothing in it yet"),
        pytest.param(
            [folder("checkpoint-500", 1), file("model.safetensors", 2), file("training_args.bin", 3)],
            "checkpoint-500",
            id="transformers, once its model is saved",
        ),
        pytest.param(
            [folder("checkpoint-500", 1), folder("tmp-checkpoint-1000", 2), folder("tmp_ckpt_7", 2)],
            "checkpoint-500",
            id="what a killed process staged",
        ),
        pytest.param(
            [folder("checkpoint-500", 1), file("epoch=3-step=600.ckpt", 2)],
            "epoch=3-step=600.ckpt",
            id="a file that says what it is counts beside folders",
        ),
        pytest.param(
            [file("step_400.pt", 1), file("latest.pt", 2)],
            "latest.pt",
            id="among files the time alone counts",
        ),
        pytest.param([folder("1000", 1), folder("20261127", 2)], "1000", id="a day is no step"),
        pytest.param(
            [folder(each, 2) for each in OTHER_FOLDERS] + [folder("global_step7", 1)],
            "global_step7",
            id="other folders",
        ),
        pytest.param([file(each, 2) for each in OTHER_FILES], None, id="other files"),
        *(pytest.param([file(each)], each, id=each) for each in MODELS),
        pytest.param(
            [file("train.log"), file("config.json"), folder("logs"), file("events.out.tfevents.1")],
            None,
            id="others",
        ),
    ],
)
def test_the_newest_settled_checkpoint(listed: list[Listed], expected: str | None) -> None:
    assert found(*listed) == expected


def test_what_changed_between_two_looks_may_still_be_written() -> None:
    old, growing = file("a.pt", 1), file("b.pt", 2, size=10)
    assert newest([old, growing], [old, file("b.pt", 2, size=5)]) == ("a.pt", 1)
    assert newest([old, growing], [old, growing]) == ("b.pt", 2)
    assert newest([old], []) is None


def test_tensorflows_own_word_counts_where_it_names_one_that_is_there() -> None:
    listed = [file("ckpt-1.index", 1), file("ckpt-2.index", 2)]
    state = 'model_checkpoint_path: "/a/b/ckpt-1"\nall_model_checkpoint_paths: "/a/b/ckpt-1"\n'
    assert said_by(state) == "ckpt-1"
    assert found(*listed, state=state) == "ckpt-1"
    assert found(*listed, state='model_checkpoint_path: "ckpt-9"') == "ckpt-2"


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("ckpt-12", 12),
        ("model.ckpt-1234", 1234),
        ("checkpoint-500", 500),
        ("global_step100", 100),
        ("epoch=3-step=400.ckpt", 400),
        ("step_1000_rank0.pt", 1000),
        ("iter_0005000", 5000),
        ("model_12.ubj", 12),
        ("1000", 1000),
        ("latest.pt", None),
        ("epoch_3.pt", None),
        ("net-0010.params", None),
        ("a1b2.pt", None),
        ("20261127093011123456.pt", None),
        ("weights.h5", None),
        ("1000.pt", 1000),
        ("step=400-v1.ckpt", 400),
        ("checkpoint500.pt", 500),
        ("globals-7.pt", None),
        ("resnet50.pth", None),
        ("vgg16.h5", None),
        ("llama-7b.pt", None),
        ("ckpt-7b.pt", None),
        ("model_v2.pt", None),
        ("model_400.pt", None),
        ("model_2026-11-27.pt", None),
        ("ckpt_2026-11-27.pt", None),
        ("ckpt_20261127.pt", None),
        ("20261127.pt", None),
        ("20261127233200.pt", None),
        ("checkpoint_20261127_233200.pt", None),
        ("checkpoint_3_400.pt", None),
        ("checkpoint-1760000000.pt", None),
        ("step_0.5.pt", None),
        ("weights.05-0.12.h5", None),
        ("e5_model.pt", None),
        ("checkpoint_epoch_3.pt", None),
        ("\u0663.pt", None),
    ],
)
def test_a_step_is_told_where_the_name_tells_it(name: str, step: int | None) -> None:
    assert step_of(name) == step


@given(
    st.lists(
        st.builds(Listed, st.text(max_size=30), st.booleans(), st.integers(0, 9), st.integers(0, 9)),
        max_size=20,
    )
)
def test_whatever_lies_there_what_is_found_was_listed(listed: list[Listed]) -> None:
    which = newest(listed, listed)
    assert which is None or which[0] in {each.name.removesuffix(".index") for each in listed}


def test_only_folders_that_may_be_checkpoints_are_looked_into() -> None:
    looked_into = [
        folder("checkpoint-5"),
        folder("logs"),
        folder("5.orbax-checkpoint-tmp-1"),
        file("checkpoint-5"),
    ]
    assert [may_be_checkpoint(each) for each in looked_into] == [True, False, False, False]


@given(st.text(max_size=60))
def test_any_name_can_be_asked_for_its_step(name: str) -> None:
    assert step_of(name) is None or step_of(name) >= 0  # type: ignore[operator] # not None
