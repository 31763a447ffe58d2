"""Each worker runs this on its shard; rank 0 saves, and after a restart tells the others what the newest checkpoint holds."""

import os
from pathlib import Path

import numpy as np
import xgboost
from checkpoints import Checkpoints, publish
from xgboost import collective

ROUNDS, EVERY = 20, 5
SETTINGS = {"objective": "reg:squarederror", "max_depth": 4, "tree_method": "hist"}


def main():
    with collective.CommunicatorContext(  # XGBoost reads no variables by itself
        dmlc_communicator="rabit",
        dmlc_tracker_uri=os.environ["DMLC_TRACKER_URI"],
        dmlc_tracker_port=int(os.environ["DMLC_TRACKER_PORT"]),
        dmlc_task_id=os.environ["DMLC_TASK_ID"],
    ):
        checkpoints = Checkpoints(os.environ["CHECKPOINT_PATH"]) if collective.get_rank() == 0 else None
        model, data = restore(checkpoints), load()
        done = model.num_boosted_rounds() if model else 0
        while done < ROUNDS:
            model = xgboost.train(SETTINGS, data, EVERY, xgb_model=model)
            done += EVERY
            if checkpoints:
                with checkpoints.saving(done) as folder:
                    model.save_model(f"{folder}/model.json")
            print(f"round {done} of {ROUNDS}", flush=True)
        if checkpoints:
            with checkpoints.newest() as (_, folder):
                publish(os.environ["SAVED_MODEL_PATH"], folder)


def load():
    """TODO: your data; the shard of this worker is collective.get_rank() of collective.get_world_size()."""
    chance = np.random.default_rng(collective.get_rank())
    inputs = chance.normal(size=(1000, 8))
    return xgboost.DMatrix(inputs, inputs.sum(1))


def restore(checkpoints):
    """The newest model, or None. Only rank 0 looks: were all to look, they might see different ones."""
    found = b""
    if checkpoints:
        with checkpoints.newest() as (_, folder):
            found = Path(folder, "model.json").read_bytes() if folder else b""
    found = collective.broadcast(found, 0)
    if not found:
        return None
    model = xgboost.Booster()
    model.load_model(bytearray(found))
    print(f"resumed after round {model.num_boosted_rounds()}", flush=True)
    return model


if __name__ == "__main__":
    main()
